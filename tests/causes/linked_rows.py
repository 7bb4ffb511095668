"""The catalogue's rows for a phone that is linked: done to it → all that follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from phones.models import Status
from tests.causes.scene import CONNECTED, Happening, Row
from tests.causes.strikes import (
    fault,
    kill,
    linked_long_ago,
    refuse,
    send,
    start,
    start_with_locked_store,
    stopped,
    unlink,
    unlinked_while_stopped,
)

SECOND, MINUTE, HOUR = (timedelta(seconds=n) for n in (1, 60, 3600))
EXPIRE = 3600  # seconds
DROPPED = ("disconnected", "n1", 428)


def lost(cause: str, code: int | None, event: str = "disconnected") -> Happening:
    return event, cause, code


# WhatsApp, or the owner on the phone, ends the login: the library deletes its keys.
LOGOUTS = {
    "u1": Row(
        "u1",
        unlink,
        (lost("u1", 401, "logged_out"),),
        Status.LOGGED_OUT,
        message="device_removed",
        happened={"event": "logged_out", "on_connect": False, "reason": "LOGGED_OUT"},
        knocks=0,
        wiped=True,
        prepare=linked_long_ago,
    ),
    "u2": Row(
        "u2",
        start,
        (lost("u2", 401, "logged_out"),),
        Status.LOGGED_OUT,
        message="LOGGED_OUT",
        happened={"event": "logged_out", "on_connect": True, "reason": "LOGGED_OUT"},
        wiped=True,
        prepare=unlinked_while_stopped,
    ),
    "u3": Row(
        "u3",
        refuse(403),
        (DROPPED, lost("u3", 403, "logged_out")),
        Status.LOGGED_OUT,
        message="MAIN_DEVICE_GONE",
        happened={"on_connect": True, "reason": "MAIN_DEVICE_GONE"},
        wiped=True,
    ),
    "u4": Row(
        "u4",
        refuse(406),
        (DROPPED, lost("u4", 406, "logged_out")),
        Status.LOGGED_OUT,
        message="UNKNOWN_LOGOUT",
        happened={"on_connect": True, "reason": "UNKNOWN_LOGOUT"},
        wiped=True,
    ),
    "u5": Row(
        "u5",
        unlink,
        (lost("u5", 401, "logged_out"),),
        Status.LOGGED_OUT,
        "link_shut",
        message="device_removed",
        happened={"on_connect": False, "reason": "LOGGED_OUT"},
        knocks=0,
        wiped=True,
    ),
}


def ban(cause: str, wait: timedelta, message: str, **options: int) -> Row:
    return Row(
        cause,
        refuse(402, **options),
        (DROPPED, lost(cause, 402, "error")),
        Status.WAITING,
        "ban",
        (wait + 5 * MINUTE, wait + 15 * MINUTE),
        message=message,
        happened={"event": "temporary_ban", "expire": options.get("expire", 0)},
    )


def known_ban(cause: str, code: int) -> Row:
    message = f"temporary ban {code}, {EXPIRE} s"
    return ban(cause, HOUR, message, ban_code=code, expire=EXPIRE)


def unknown_ban(wait: timedelta, message: str, **options: int) -> Row:
    """neonize cannot say it and raises; its log has the date, if there is one."""
    row = ban("b6", wait, message, **options)
    return replace(row, happened={"event": "connect_raised"})


BANS = {
    "b1": known_ban("b1", 101),
    "b1 without a date": ban("b1", 24 * HOUR, "temporary ban 101, 0 s", ban_code=101),
    "b2": known_ban("b2", 102),
    "b3": known_ban("b3", 103),
    "b4": known_ban("b4", 104),
    "b5": known_ban("b5", 106),
    "b6 without a code": unknown_ban(
        HOUR, f"temporary ban without a code, {EXPIRE} s", expire=EXPIRE
    ),
    "b6 of an unknown code": unknown_ban(
        HOUR, f"temporary ban 199, {EXPIRE} s", ban_code=199, expire=EXPIRE
    ),
    "b6 without anything": unknown_ban(24 * HOUR, "temporary ban without a code, 0 s"),
}


def refusal(cause: str, code: int, event: str) -> Row:
    return Row(
        cause,
        refuse(code),
        (DROPPED, lost(cause, code, "error")),
        Status.WAITING,
        "refused",
        (10 * MINUTE, 10 * MINUTE),
        message=f"connect failure {code}",
        happened={"event": event},
    )


REFUSALS = {
    "f1 400": refusal("f1", 400, "connect_failure"),
    "f1 501": refusal("f1", 501, "connect_failure"),
    "f1 409": replace(
        refusal("f1", 409, "connect_failure"),
        status=Status.HELD,
        rule="hold",
        next_at=None,
    ),
    # Not in neonize's enum: it raises, and the log alone knows the code.
    "f2 415": refusal("f2", 415, "connect_raised"),
    "f2 418": refusal("f2", 418, "connect_raised"),
    "f2 499": refusal("f2", 499, "connect_raised"),
    "r1": Row(
        "r1",
        fault("replace"),
        (lost("r1", 440),),
        Status.WAITING,
        "replaced_once",
        (400 * SECOND, 800 * SECOND),
        message="connectionReplaced",
        happened={"event": "stream_replaced"},
        knocks=0,
    ),
    # The library tries again by itself: one row for the loss, one for the refusals.
    **{
        f"f3 {code}": Row(
            "f3",
            refuse(code, times=2),
            (DROPPED, lost("f3", code, "error"), CONNECTED),
            message=f"failure {code}",
            happened={"event": "disconnected"},
            knocks=3,
        )
        for code in (500, 503)
    },
}

STREAM_ERRORS = {
    "s1 while running": Row("s1", fault("stream_error", code=515), (CONNECTED,)),
    "s2": Row(
        "s2",
        fault("stream_error", code=503),
        (lost("s2", 503), CONNECTED),
        message="stream error 503",
        happened={"event": "disconnected"},
    ),
    **{
        f"s3 {code}": Row(
            "s3",
            fault("stream_error", code=code),
            (lost("s3", code), CONNECTED),
            message=f"stream error {code}",
            happened={"event": "stream_error", "code": str(code)},
        )
        for code in (500, 516)
    },
    "s4": Row(
        "s4",
        fault("stream_error", child="xml-not-well-formed"),
        (lost("s4", 500), CONNECTED),
        message="xml-not-well-formed",
        happened={"event": "stream_error", "code": "", "tag": "xml-not-well-formed"},
    ),
}

NETWORK = {
    "n1 reset": Row(
        "n1",
        fault("drop"),
        (DROPPED, CONNECTED),
        message="connectionClosed",
        happened={"event": "disconnected"},
    ),
    "n1 closed politely": Row(
        "n1",
        fault("close"),
        (DROPPED, CONNECTED),
        message="connectionClosed",
        happened={"event": "disconnected"},
    ),
    # The library's own clock: a ping each 20 to 30 s, 10 s for the answer.
    "n2 one keepalive": Row(
        "n2",
        fault("mute", what="pings"),
        (lost("n2", 408, "error"),),
        message="keepalive unanswered 1 times",
        happened={"event": "keepalive_timeout", "error_count": 1},
        knocks=0,
        patience=60,
    ),
}


def crash(name: str, number: int) -> Row:
    return Row(
        "l2",
        kill(name),
        (lost("l2", 128 + number, "crashed"), CONNECTED),
        message=name,
        happened={"event": "exit", "exitcode": -number},
    )


MACHINE = {
    "l2 killed": crash("SIGKILL", 9),
    "l2 segmentation fault": crash("SIGSEGV", 11),
    "l2 aborted": crash("SIGABRT", 6),
    "l3 locked store": Row(
        "l3",
        start_with_locked_store,
        (lost("l3", None, "error"), CONNECTED),
        message="locked",
        prepare=stopped,
        patience=60,
    ),
    "hung": Row(
        "hung",
        kill("SIGSTOP"),
        (lost("hung", None), CONNECTED),
        happened={"event": "deadline"},
        patience=60,
    ),
}

# What is said of single messages: the session goes on.
ANSWERS = {
    "i1": Row(
        "i1",
        send(fault("late_acks", seconds=200)),
        (lost("i1", 408, "error"),),
        message="timed out",
        happened={"event": "result", "ok": False},
        knocks=0,
        # The library's own clock: 75 s.
        patience=110,
    ),
    **{
        f"{cause} {code}": Row(
            cause,
            send(fault("answer_messages", code=code)),
            (lost(cause, code, "error"),),
            message=f"server returned error {code}",
            happened={"event": "result", "ok": False},
            knocks=0,
        )
        for cause, code in (("i2", 463), ("i3", 429), ("i3", 479))
    },
}

ROWS = {**LOGOUTS, **BANS, **REFUSALS, **STREAM_ERRORS, **NETWORK, **MACHINE, **ANSWERS}
