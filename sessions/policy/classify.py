"""From the event lines of a session process to the catalogue of causes.

Only `logged_out` leads to a cause whose keys are dead. Events that change nothing
(qr, success, receipts, …) have no finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sessions.policy.connect_errors import BANS, ban, classify_connect_error
from sessions.policy.finding import Context, Finding, Line, finding
from sessions.policy.number_aliases import number_in, same_number

__all__ = ["BANS", "Context", "Finding", "classify"]

# The library logs, then tells of the loss within milliseconds.
SAME_LOSS = timedelta(seconds=5)
RESTART_515 = timedelta(seconds=60)
STORE_ERROR = re.compile(
    r"database is locked|disk I/O error|database or disk is full|image is malformed"
    r"|readonly database|foreign key",
    re.IGNORECASE,
)
WRONG_REALM = re.compile(r"belongs to the realm|carries no realm|real phone")
LOGIN_STATUSES = {
    "timeout": "q1",
    "error": "q2",
    "err-unexpected-state": "q2",
    "err-scanned-without-multidevice": "q3",
    "passkey-request": "q4",
    "passkey-confirmation": "q4",
    "err-client-outdated": "o1",
}


def classify(line: Line, context: Context) -> Finding | None:
    """What the event `line` means, None when it ends and endangers nothing."""
    rule = RULES.get(str(line.get("event", "")))
    return rule(line, context) if rule is not None else None


def _logged_out(line: Line, context: Context) -> Finding:
    reason = str(line.get("reason", ""))
    just_paired = context.rules.just_paired
    if reason == "MAIN_DEVICE_GONE":
        cause = "u3"
    elif reason == "UNKNOWN_LOGOUT":
        cause = "u4"
    elif context.paired_at and context.now - context.paired_at <= just_paired:
        cause = "u5"
    else:
        cause = "u2" if line.get("on_connect") else "u1"
    # The seed's name for a removal while online.
    said = reason if line.get("on_connect") else "device_removed"
    return finding(cause, line, context, message=said)


def _temporary_ban(line: Line, context: Context) -> Finding:
    return ban(line, context, _number(line, "code"), _number(line, "expire") or 0)


def _stream_replaced(line: Line, context: Context) -> Finding:
    return finding("r1", line, context)


def _client_outdated(line: Line, context: Context) -> Finding:
    return finding("o1", line, context, message="client outdated")


def _connect_failure(line: Line, context: Context) -> Finding:
    code = _number(line, "code")
    message = str(line.get("message") or f"connect failure {code}")
    if code in (400, 409, 501):
        return finding("f1", line, context, code=code, message=message)
    if code in (500, 503):
        return finding("f3", line, context, code=code, message=message)
    if code == 405:
        return finding("o1", line, context, message=message)
    return finding("f2", line, context, code=code, message=message)


def _stream_error(line: Line, context: Context) -> Finding:
    code, tag = str(line.get("code") or ""), str(line.get("tag") or "")
    if not code.isdecimal():
        return finding(
            "s4", line, context, message=tag or "stream error without a code"
        )
    cause = {"515": "s1", "503": "s2"}.get(code, "s3")
    message = f"stream error {code}"
    return finding(cause, line, context, code=int(code), message=message)


def _disconnected(line: Line, context: Context) -> Finding:
    before = context.previous
    if (
        before is not None
        and before.cause in ("s1", "s2", "s3", "s4", "f3")
        and context.now - before.at <= SAME_LOSS
    ):
        # The stream error told why; this is the loss it caused.
        return finding(
            before.cause, line, context, code=before.code, message=before.message
        )
    if context.logged("Got 503 stream error", SAME_LOSS):
        return finding("s2", line, context, message="stream error 503")
    refused = context.logged("assuming automatic reconnect", SAME_LOSS)
    # The library dials beside its telling of a drop: what was up is told by itself.
    if refused is not None and context.connected_at is None:
        match = re.search(r"\b(500|503)\b", str(refused.get("line", "")))
        code = int(match[1]) if match else None
        return finding("f3", line, context, code=code, message=f"failure {code or 503}")
    return finding("n1", line, context)


def _connected(line: Line, context: Context) -> Finding | None:
    """A second Connected tells of a loss nobody announced.

    A reconnect by force comes after keepalives that were called unanswered. Without
    them the connection ended before its own Connected was told (measured on neonize
    0.5.2: two resets within 0.2 s).
    """
    if context.connected_at is None:
        return None
    if context.logged("Got 515 code", RESTART_515):
        return finding("s1", line, context)
    if context.previous is None or context.previous.cause != "n2":
        return finding("n1", line, context, message="ended before it was announced")
    message = "keepalive unanswered, reconnected by force"
    return finding("n2", line, context, message=message)


def _keepalive_timeout(line: Line, context: Context) -> Finding:
    last = line.get("last_success")
    seconds = None
    if isinstance(last, int | float) and last > 0:
        silence = context.now - datetime.fromtimestamp(last, UTC)
        seconds = max(0, round(silence.total_seconds()))
    message = f"keepalive unanswered {line.get('error_count', 1)} times"
    return finding("n2", line, context, message=message, seconds=seconds)


def _login_status(line: Line, context: Context) -> Finding | None:
    status = str(line.get("status", ""))
    cause = LOGIN_STATUSES.get(status)
    if cause is None:
        # Words of a later library: an error ends the attempt, the rest is progress.
        cause = "q2" if status.startswith("err") else None
    if cause is None:
        return None
    message = "QR refs attempts ended" if cause == "q1" else status
    if cause == "q2" and (logged := context.logged("Failed to pair", SAME_LOSS)):
        message = str(logged.get("line", ""))
    return finding(cause, line, context, message=message)


def _pair_status(line: Line, context: Context) -> Finding | None:
    if line.get("status") == "ERROR":
        return finding("q2", line, context, message=str(line.get("error") or "error"))
    linked = number_in(str(line.get("jid") or ""))
    expected = context.expected_number
    if not linked or not expected or same_number(expected, linked):
        return None
    return finding(
        "q5", line, context, message="another number", actual=linked, expected=expected
    )


def _log(line: Line, context: Context) -> Finding | None:
    text = str(line.get("line", ""))
    if "Failed to reconnect after 515 code" in text:
        return finding("s1", line, context, message=text)
    if "info query timed out" in text:
        return finding("i1", line, context, message=text)
    from_store = "Database" in str(line.get("logger", "")) or STORE_ERROR.search(text)
    if line.get("level") == "ERROR" and from_store:
        return finding("l3", line, context, message=text)
    return None


def _result(line: Line, context: Context) -> Finding | None:
    error = str(line.get("error") or "")
    if line.get("ok") or not error:
        return None
    if match := re.search(r"server returned error (\d{3})", error):
        code = int(match[1])
        cause = "i2" if code == 463 else "i3"
        return finding(cause, line, context, code=code, message=error)
    if STORE_ERROR.search(error):
        return finding("l3", line, context, message=error)
    if "timed out" in error:
        return finding("i1", line, context, message=error)
    return None


def _refused(line: Line, context: Context) -> Finding:
    reason = str(line.get("reason") or "")
    if STORE_ERROR.search(reason):
        return finding("l3", line, context, message=reason)
    cause = "wrong_realm" if WRONG_REALM.search(reason) else "refused"
    return finding(cause, line, context, message=reason, reason=reason)


def _number(line: Line, name: str) -> int | None:
    value = line.get(name)
    return value if isinstance(value, int) else None


RULES: dict[str, Callable[[Line, Context], Finding | None]] = {
    "logged_out": _logged_out,
    "temporary_ban": _temporary_ban,
    "stream_replaced": _stream_replaced,
    "client_outdated": _client_outdated,
    "connect_failure": _connect_failure,
    "connect_raised": classify_connect_error,
    "stream_error": _stream_error,
    "disconnected": _disconnected,
    "connected": _connected,
    "keepalive_timeout": _keepalive_timeout,
    "login_status": _login_status,
    "pair_status": _pair_status,
    "log": _log,
    "result": _result,
    "refused": _refused,
}
