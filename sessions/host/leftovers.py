"""What an earlier life of this host may have left running."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

from sessions.host.identity import FileLock

logger = logging.getLogger(__name__)

WAIT_SECONDS = 10.0
STEP_SECONDS = 0.05


def start_time_of(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat: with the pid it names one process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def end_previous_process(
    *, pid: int | None, start_time: int | None, lock: Path
) -> bool:
    """Kill the recorded session process if it runs here, and wait for its file lock.

    A pid says nothing on another server, so nobody is killed while the lock in our
    DATA_DIR is free. True when no session process of this phone is alive here. Blocks
    for 10 s at most.
    """
    file_lock = FileLock(lock)
    if file_lock.take():
        file_lock.release()
        return True
    if pid is not None and start_time is not None and start_time_of(pid) == start_time:
        logger.warning("killing session process of an earlier host pid=%s", pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            logger.debug("session process was gone pid=%s", pid)
    deadline = time.monotonic() + WAIT_SECONDS
    while not file_lock.take():
        if time.monotonic() > deadline:
            return False
        time.sleep(STEP_SECONDS)
    file_lock.release()
    return True
