"""What only Linux offers about processes: the death signal, start times, threads."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

PR_SET_PDEATHSIG = 1
# Sessions that start, dozens at once after the loss of a server, must not keep their
# own host from renewing leases.
NICENESS = 5

T = TypeVar("T")


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the *thread* that made it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def lower_priority() -> None:
    """Of the calling thread and of those it will start: Linux knows it per thread."""
    os.nice(NICENESS)


def in_low_priority(function: Callable[[], T]) -> T:
    """Call it in a thread of low priority, which all threads it starts inherit."""
    with ThreadPoolExecutor(1, initializer=lower_priority) as executor:
        return executor.submit(function).result()


def start_time(pid: int) -> int | None:
    """Return field 22 of /proc/PID/stat in clock ticks since boot; None if it is gone.

    With the pid it names one process for ever, because pids are used again.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold spaces; fields are counted after it.
    return int(stat.rpartition(")")[2].split()[19])


def thread_count() -> int:
    """Count this process's threads, also those Python does not know."""
    return len(os.listdir("/proc/self/task"))


def resident_kilobytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def exec_environment() -> dict[str, str]:
    """Return the environment this process was exec'ed with; Go reads that, not ours."""
    block = Path("/proc/self/environ").read_bytes()
    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
