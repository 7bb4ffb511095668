"""What the catalogue says about a session, with everything it is judged by."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from sessions.client.log_lines import START_MARK
from sessions.host.journal import Journal
from sessions.policy.classify import classify
from sessions.policy.exits import classify_exit
from sessions.policy.finding import Context, Finding, finding
from sessions.policy.rules import Rules

LAST_LINES = 20  # log lines kept as evidence
STDERR_TAIL = 262144  # bytes; a Go crash lists every goroutine after its reason
KILLED = -9


class Diagnosis:
    """The memory of one session process: its log lines and the finding before."""

    def __init__(self, journal: Journal, errors: Path, rules: Rules) -> None:
        self.journal = journal
        self.rules = rules
        self.errors = errors  # stderr of the process
        self.paired_at: datetime | None = None
        self.log_lines: deque[Mapping[str, Any]] = deque(maxlen=LAST_LINES)
        self.previous: Finding | None = None
        self.proxy = ""  # of the phone itself, as people see it

    def context(self, connected: bool) -> Context:
        return Context(
            now=timezone.now(),
            paired_at=self.paired_at,
            connected_at=self.journal.facts.connected_at if connected else None,
            last_log_lines=tuple(self.log_lines),
            expected_number=self.journal.phone.phone_number,
            previous=self.previous,
            proxy=self.proxy,
            rules=self.rules,
        )

    def forget(self) -> None:
        """Connected again: what was said before explains no later loss."""
        self.log_lines.clear()
        self.previous = None

    def find(self, line: Mapping[str, Any], connected: bool) -> Finding | None:
        """What the catalogue says of `line`; remembered for the next line."""
        found = classify(line, self.context(connected))
        if found is not None:
            self.previous = found
        return found

    def look(self, line: Mapping[str, Any], connected: bool) -> Finding | None:
        """As `find`, of a line that explains nothing that may follow."""
        return classify(line, self.context(connected))

    def finding(self, line: Mapping[str, Any], connected: bool) -> Finding:
        """As `find`; a plain loss when the catalogue has nothing to say."""
        found = self.find(line, connected)
        return found or finding("n1", line, self.context(connected))

    def ours(self, cause: str, connected: bool, **values: Any) -> Finding:
        """A finding that we make ourselves: a deadline passed."""
        line = {"event": "deadline"}
        return finding(cause, line, self.context(connected), **values)

    def of_exit(self, code: int | None, connected: bool) -> Finding:
        """Why the process is gone; code as multiprocessing gives it."""
        context = self.context(connected)
        said = _tail(self.errors)
        found = classify_exit(KILLED if code is None else code, context, said)
        return found or self.previous or finding("l2", {"event": "exit"}, context)


def _tail(path: Path) -> str:
    """What the last session process wrote to stderr, where a Go crash is told.

    The file outlives the process: an earlier crash explains no later end.
    """
    try:
        written = path.read_bytes().rpartition(START_MARK.encode())[2]
    except OSError:
        return ""
    return written[-STDERR_TAIL:].decode("utf-8", "replace")
