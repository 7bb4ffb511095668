"""What the catalogue says about one event, and what it was judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from metrics.masking import masked_evidence, masked_text
from sessions.policy.causes import CAUSES
from sessions.policy.rules import DEFAULT_RULES, Rules

MAX_MESSAGE = 200  # characters
MAX_LOG_LINES = 20

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """Why a session changed.

    code: the seed's errorCode. message: short, numbers masked. values: what the
    cause's sentence names, JSON only; numbers in it are whole, so it is shown to the
    phone's people and never logged. evidence: the event's fields and the last log
    lines, masked.
    """

    cause: str
    code: int | None
    message: str
    at: datetime
    values: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What the host knows about the session at `now`.

    paired_at: PairSuccess, None when the device was not linked by this portal.
    connected_at: since when it counts as connected, None while it does not.
    last_log_lines: the last `log` events of the session process, oldest first.
    expected_number: digits registered for the phone. previous: the finding before.
    proxy: scheme, host and port of the phone's own proxy, "" without one.
    """

    now: datetime
    paired_at: datetime | None = None
    connected_at: datetime | None = None
    last_log_lines: tuple[Line, ...] = ()
    expected_number: str = ""
    previous: Finding | None = None
    proxy: str = ""
    rules: Rules = DEFAULT_RULES

    def logged(self, words: str, within: timedelta) -> Line | None:
        """The newest log line that contains `words` and is not older than `within`."""
        for line in reversed(self.last_log_lines):
            age = self.now - _time_of(line, self.now)
            if words in str(line.get("line", "")) and age <= within:
                return line
        return None


def _time_of(line: Line, default: datetime) -> datetime:
    at = line.get("at")
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else default


def finding(
    cause: str,
    line: Line,
    context: Context,
    *,
    code: int | None = None,
    message: str = "",
    **values: Any,
) -> Finding:
    """A Finding for the event `line`; `code` None takes the one of the catalogue."""
    code = CAUSES[cause].code if code is None else code
    values.setdefault("code", code)
    values = {name: value for name, value in values.items() if value is not None}
    return Finding(
        cause=cause,
        code=code,
        message=masked_text(message or CAUSES[cause].baileys_name, MAX_MESSAGE),
        at=context.now,
        values=values,
        evidence=_evidence(line, context, values),
    )


def _evidence(line: Line, context: Context, values: dict[str, Any]) -> dict[str, Any]:
    lines = context.last_log_lines[-MAX_LOG_LINES:]
    return {
        # The text of an error, not of a message: it may stay.
        "fields": masked_evidence(
            {"error" if name == "text" else name: line[name] for name in line}
        ),
        "values": masked_evidence(values),
        "log": [_as_text(logged) for logged in lines],
    }


def _as_text(line: Line) -> str:
    at = line.get("at")
    clock = f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}" if at is not None else "-"
    words = (clock, line.get("level"), line.get("logger"), line.get("line"))
    return masked_text(" ".join(str(word) for word in words if word))
