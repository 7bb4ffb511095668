"""What a host knows of its machine: load, memory, and whether the clock is right."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.db import connection
from django.utils import timezone

logger = logging.getLogger(__name__)

# Adding up a process's pages takes the kernel 2 ms and more: twenty at a time were a
# fifth of all that a host with 100 idle sessions cost.
PROCESSES_AT_A_TIME = 5
CLOCK_SECONDS = 5.0


class Vitals:
    """The load of the machine and the memory of the session processes."""

    def __init__(self) -> None:
        self._memory: dict[int, int] = {}
        self._count = 0

    def measure(self, pids: Sequence[int]) -> None:
        """Read the memory of new processes, and of those read longest ago."""
        known = {pid: self._memory[pid] for pid in self._memory if pid in set(pids)}
        due = [pid for pid in pids if pid not in known] + list(known)
        for pid in due[:PROCESSES_AT_A_TIME]:
            known.pop(pid, None)  # to the end of the queue
            known[pid] = memory_of(pid)
        self._memory, self._count = known, len(pids)

    def columns(self) -> dict[str, float | int]:
        """Values of Host's columns. Sessions whose memory was not read yet count as
        the others do on average."""
        share = self._count / len(self._memory) if self._memory else 0
        return {
            "load": round(os.getloadavg()[0], 2),
            "memory": round(share * sum(self._memory.values())),
        }


def memory_of(pid: int) -> int:
    """KiB; shared pages count in part, so the sum over processes is right."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # it has just ended
    return next(
        (int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:"), 0
    )


def check_clock() -> None:
    """Warn of a clock that is wrong: times on the pages and waits go by it.

    Who owns a phone does not: leases know the database's clock alone.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    theirs: datetime = row[0] if row else timezone.now()
    seconds = (timezone.now() - theirs).total_seconds()
    if abs(seconds) > CLOCK_SECONDS:
        logger.warning(
            "the clock of this host differs from the database's seconds=%.0f", seconds
        )
