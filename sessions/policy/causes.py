"""The catalogue of causes: every way a session ends, and what follows from it.

Codes are WhatsApp's own; `baileys_name` is how users of Baileys 6.7.21 know them. That
only `credentials="dead"` may lead to a wipe is the first rule of the portal: 408, 428,
440, 500, 503 and 515 leave the keys intact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.utils.translation import gettext_lazy as _

from sessions.policy import auth_check_texts
from sessions.policy.cause_texts import NETWORK_WORDS, SENTENCES, TITLES

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Credentials = Literal["good", "dead", "unknown", "none"]
Action = Literal["relink", "hold", "wait", "restart", "ride", "expected", "none"]

MISSING = "…"
UNKNOWN_SENTENCE = _("The session ended for a reason we do not know.")
# As strftime takes it; Russian writes the day first.
MOMENT_FORMAT = _("%Y-%m-%d %H:%M")
MOMENTS = ("time", "date")
SEVERAL_CODES = {
    "f1": (400, 409, 501),
    "f3": (500, 503),
    "i3": (429, 479),
    "q6": (400, 429),
}


@dataclass(frozen=True)
class Cause:
    """One row of the catalogue.

    credentials: are the stored keys still good after it.
    action: what the portal does by itself. relink: the keys are gone, offer a scan;
    hold: stop until a person acts; wait: a timer ends it; restart: a new process with
    the same keys; ride: the library reconnects alone; expected: part of a normal
    course; none: nothing, or the pairing simply ends.
    code: the code of the seed's `errorCode`; None when it varies or there is none.
    codes: all that WhatsApp may say for it, as far as they are known.
    hold_codes: codes at which the cause holds at once, whatever `action` says.
    """

    id: str
    code: int | None
    baileys_name: str
    credentials: Credentials
    action: Action
    title: _StrPromise
    sentence: _StrPromise
    hold_codes: frozenset[int] = frozenset()

    @property
    def codes(self) -> tuple[int, ...]:
        one = () if self.code is None else (self.code,)
        return SEVERAL_CODES.get(self.id, one)

    def action_for(self, code: int | None) -> Action:
        """The action, given the code that really came."""
        return "hold" if code in self.hold_codes else self.action


def _row(
    cause_id: str,
    code: int | None,
    baileys_name: str,
    credentials: Credentials,
    action: Action,
    *hold_codes: int,
) -> Cause:
    return Cause(
        id=cause_id,
        code=code,
        baileys_name=baileys_name,
        credentials=credentials,
        action=action,
        title=TITLES[cause_id],
        sentence=SENTENCES[cause_id],
        hold_codes=frozenset(hold_codes),
    )


CAUSES: dict[str, Cause] = {
    cause.id: cause
    for cause in (
        # WhatsApp, or a person on the phone, ended the login: the library has deleted
        # its keys before we hear of it.
        _row("u1", 401, "loggedOut", "dead", "relink"),
        _row("u2", 401, "loggedOut", "dead", "relink"),
        _row("u3", 403, "forbidden", "dead", "hold"),
        _row("u4", 406, "", "dead", "hold"),
        _row("u5", 401, "loggedOut", "dead", "hold"),
        # Temporary bans wait for their date.
        _row("b1", 402, "", "good", "wait"),
        _row("b2", 402, "", "good", "wait"),
        _row("b3", 402, "", "good", "wait"),
        _row("b4", 402, "", "good", "wait"),
        _row("b5", 402, "", "good", "wait"),
        _row("b6", 402, "", "good", "wait"),
        # Another program has the keys, or WhatsApp refuses this one.
        _row("r1", 440, "connectionReplaced", "good", "restart"),
        _row("o1", 405, "", "good", "wait"),
        # 409: the client's identity is refused, trying again does not help.
        _row("f1", None, "", "unknown", "restart", 409),
        _row("f2", None, "", "unknown", "restart"),
        _row("f3", 503, "unavailableService", "good", "ride"),
        # Stream errors. Baileys calls s4 badSession, which is wrong: keys are fine.
        _row("s1", 515, "restartRequired", "good", "expected"),
        _row("s2", 503, "unavailableService", "good", "ride"),
        _row("s3", None, "", "unknown", "ride"),
        _row("s4", 500, "badSession", "good", "ride"),
        # The network.
        _row("n1", 428, "connectionClosed", "good", "ride"),
        _row("n2", 408, "connectionLost", "good", "ride"),
        _row("n3", 408, "timedOut", "good", "restart"),
        _row("n4", 408, "timedOut", "good", "restart"),
        # Linking.
        _row("q1", 408, "timedOut", "none", "none"),
        _row("q2", None, "", "none", "none"),
        _row("q3", 411, "multideviceMismatch", "none", "none"),
        _row("q4", None, "", "none", "none"),
        _row("q5", None, "", "good", "none"),
        _row("q6", None, "", "none", "none"),
        # Answers to queries and sends: the session goes on.
        _row("i1", 408, "timedOut", "good", "none"),
        _row("i2", 463, "", "good", "none"),
        _row("i3", None, "", "good", "none"),
        _row("sending_paused", None, "", "good", "none"),
        # Ours.
        _row("l1", 401, "loggedOut", "dead", "relink"),
        _row("l2", None, "", "good", "restart"),
        _row("l3", None, "", "good", "restart"),
        _row("l4", None, "", "none", "relink"),
        _row("p1", None, "", "good", "none"),
        _row("d1", None, "", "good", "none"),
        # A stopped phone never connects by itself: somebody must do it in time.
        _row("stopped_long", None, "", "good", "none"),
        _row("started", None, "", "good", "none"),
        _row("refused", None, "", "unknown", "restart"),
        _row("hung", None, "", "good", "restart"),
        _row("flapping", None, "", "good", "wait"),
        _row("no_host", None, "", "unknown", "none"),
        _row("lease_lost", None, "", "good", "restart"),
        _row("host_stopped", None, "", "good", "expected"),
        _row("moved", None, "", "good", "expected"),
        _row("host_lost", None, "", "good", "restart"),
        _row("restarted_by_person", None, "", "good", "expected"),
        _row("stopped_by_person", None, "", "good", "none"),
        _row("held_by_person", None, "", "good", "hold"),
        _row("number_elsewhere", None, "", "unknown", "hold"),
        _row("vanished", None, "", "unknown", "hold"),
        _row("copy_refilled", None, "", "good", "none"),
        _row("records_broken", None, "", "unknown", "none"),
        _row("broken_store", None, "", "unknown", "hold"),
        _row("wrong_realm", None, "", "unknown", "hold"),
        _row("keys_cleared", None, "", "none", "relink"),
        _row("cleared_by_person", None, "", "none", "relink"),
        _row("wrong_number_kept", None, "", "none", "none"),
        _row("keys_lost", None, "", "none", "relink"),
        _row("pairing_interrupted", None, "", "none", "none"),
        # The move from a Baileys server and back.
        _row("imported", None, "", "good", "none"),
        _row("not_imported", None, "", "none", "none"),
        _row("exported", None, "", "unknown", "none"),
    )
}

# The keys were given back to a Baileys server: ours are a copy from then on.
EXPORTED = "exported"
BAN_CAUSES = ("b1", "b2", "b3", "b4", "b5", "b6")


def sentence(cause_id: str, values: Mapping[str, Any] | None = None) -> str:
    """One plain sentence for the operator, in the language in force.

    values: what the sentence names: `time` and `date` as aware datetimes or their ISO
    text, `detail` one of NETWORK_WORDS, numbers and words as they are. A missing value
    is shown as “…”; an unknown cause gets a sentence too. Never raises.
    """
    cause = CAUSES.get(cause_id)
    text = cause.sentence if cause is not None else UNKNOWN_SENTENCE
    shown = _Shown(values or {})
    if "check" in shown:  # of the auth records
        failed = str(shown["check"]), (values or {}).get("check_values") or {}
        shown["reason"] = auth_check_texts.words(*failed)
    if "proxy" in shown:  # the phone's own: the one that people may have to change
        shown["detail"] = f"{shown['detail']}: {shown['proxy']}"
    return str(text) % shown


def title(cause_id: str) -> str:
    """Two or three words for lists and legends; an unknown cause is its own title."""
    cause = CAUSES.get(cause_id)
    return str(cause.title) if cause is not None else cause_id


class _Shown(dict[str, str]):
    """Values as people read them; asking for one that is not there gives “…”."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(
            (name, _shown(name, value))
            for name, value in values.items()
            if value is not None and value != ""
        )

    def __missing__(self, name: str) -> str:
        return MISSING


def _shown(name: str, value: Any) -> str:
    if name in MOMENTS:
        return _moment(value)
    if name == "detail":
        return str(NETWORK_WORDS.get(str(value), value))
    return str(value)


def _moment(value: Any) -> str:
    """In the server's time zone: Django sets it for the process from TIME_ZONE."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return f"{at.astimezone():{MOMENT_FORMAT}}"
    except (TypeError, ValueError, OverflowError):
        return str(value)
