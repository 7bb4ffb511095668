"""Child processes that end with their parent and are started again when they end."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # linux/prctl.h
FIRST_PAUSE = 1.0  # seconds until an ended child is started again
LONGEST_PAUSE = 60.0
SETTLED = 60.0  # seconds of life after which the pauses begin anew

_libc = ctypes.CDLL(None, use_errno=True)


def pause_after(failures: int) -> float:
    """Seconds to wait before the start that follows the n-th end in a row."""
    return min(FIRST_PAUSE * 2.0 ** (failures - 1), LONGEST_PAUSE)


def _end_with_parent() -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return prepare


@dataclass
class Child:
    """One process in a session of its own: a Ctrl+C reaches the parent only."""

    name: str
    command: list[str]
    environment: dict[str, str]
    directory: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = field(default=0.0)
    due_at: float = field(default=0.0)

    def turn(self, now: float) -> float:
        """Notice the end, start when due; seconds until the next turn is needed."""
        if self.process is not None and self.process.poll() is not None:
            self._note_end(now)
        if self.process is not None:
            return LONGEST_PAUSE
        if now >= self.due_at:
            self.start(now)
            return LONGEST_PAUSE
        return self.due_at - now

    def start(self, now: float) -> None:
        self.started_at = now
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent(),  # safe: the parent has one thread
        )

    def _note_end(self, now: float) -> None:
        assert self.process is not None  # noqa: S101
        code = self.process.returncode
        if now - self.started_at >= SETTLED:
            self.failures = 0
        self.failures += 1
        pause = pause_after(self.failures)
        self.due_at = now + pause
        self.process = None
        logger.warning(
            "child ended name=%s code=%s starts_again_in=%.0fs", self.name, code, pause
        )

    def stop(self, *, patience: float, hurry: Callable[[], bool]) -> None:
        """SIGTERM and wait; after `patience` seconds, or in a hurry, SIGKILL to all."""
        process, self.process = self.process, None
        if process is None:
            return
        deadline = time.monotonic() + patience
        process.terminate()
        while time.monotonic() < deadline and not hurry():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                return
        logger.error("child killed name=%s after=%.0fs", self.name, patience)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
