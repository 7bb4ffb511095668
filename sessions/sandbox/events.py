"""What happened, for the admin panel and the tests: a timed log and its sums."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from sessions.sandbox.jids import mask

logger = logging.getLogger(__name__)

MAX_EVENTS = 50_000
# These come with each message; the log file does without them.
FREQUENT = frozenset({"message", "receipt", "ack"})


@dataclass(slots=True)
class Statistics:
    connections: int = 0
    logins: int = 0
    double_logins: int = 0
    pairings: int = 0
    refused_hosts: int = 0
    messages: int = 0


class EventLog:
    """The last events; ids grow for ever, also across restarts of the sandbox."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self._events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._last_id = 0

    def add(self, kind: str, **fields: Any) -> None:
        """Note an event; fields are JSON values."""
        now = time.time()
        self._last_id = max(self._last_id + 1, int(now * 1000))
        event = fields | {"id": self._last_id, "at": now, "kind": kind}
        self._events.append(event)
        if kind not in FREQUENT:
            logger.info("Sandbox event kind=%s %s", kind, _masked(fields))

    def after(self, identifier: int) -> list[dict[str, Any]]:
        return [event for event in self._events if event["id"] > identifier]

    def reset_statistics(self) -> None:
        self.statistics = Statistics()

    def totals(self) -> dict[str, int]:
        return asdict(self.statistics)


def _masked(fields: dict[str, Any]) -> str:
    hidden = {"number", "to"}
    return " ".join(
        f"{name}={mask(str(value)) if name in hidden else value}"
        for name, value in fields.items()
    )
