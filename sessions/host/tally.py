"""Counters and the last action of a session, on their way to the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from sessions.host.inbox import Inbox
from sessions.models import SessionFacts

FLUSH_SECONDS = 1.0  # a message is in the database this late at most
MAX_ARRIVALS = 1000


class Tally:
    """Collects values of SessionFacts; every entry takes along what there is."""

    def __init__(self, facts: SessionFacts, inbox: Inbox) -> None:
        self._facts = facts
        self._inbox = inbox
        self._values: dict[str, Any] = {}
        # The last messages: when, and whether they could be read.
        self.arrivals: deque[tuple[datetime, bool]] = deque(maxlen=MAX_ARRIVALS)

    def line(self, event: str, line: Mapping[str, Any]) -> bool:
        """True when the line was only to be counted."""
        if event == "message" and not line.get("from_me"):
            self.arrivals.append((timezone.now(), True))
            self.count("received", f"received {line.get('kind', 'message')}")
        elif event == "undecryptable":
            self.arrivals.append((timezone.now(), False))
            self.count("undecryptable", "received undecryptable message")
        elif event in {"message", "receipt"}:
            # From device 0 of our own account: the primary phone was online.
            if line.get("from_own_phone") or line.get("from_device") == 0:
                self.note(primary_seen_at=timezone.now())
        else:
            return False
        return True

    def count(self, counter: str, action: str) -> None:
        """One more of `counter`; the action is what the disconnect record names."""
        before = self._values.get(counter, getattr(self._facts, counter))
        self.note(
            **{counter: before + 1}, last_action=action, last_action_at=timezone.now()
        )
        if not self._inbox.has_timer("flush"):
            self._inbox.set_timer("flush", FLUSH_SECONDS)

    def note(self, **values: Any) -> None:
        """Keep values for the next entry; no hurry."""
        self._values.update(values)

    def take(self) -> dict[str, Any]:
        """Everything since the last call, for the entry that is about to be written."""
        values, self._values = self._values, {}
        self._inbox.drop_timer("flush")
        return values
