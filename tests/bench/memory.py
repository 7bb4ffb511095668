"""What a process holds, by the kernel's own account."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Held:
    """pss_mib: proportional set size. threads: of the process."""

    pss_mib: float
    threads: int


def held_by(pid: int) -> Held:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss_kib = next(
        int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
    )
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return Held(pss_kib / 1024, threads)


def median_of(pids: list[int]) -> Held:
    held = [held_by(pid) for pid in pids]
    return Held(
        statistics.median(one.pss_mib for one in held),
        int(statistics.median(one.threads for one in held)),
    )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
