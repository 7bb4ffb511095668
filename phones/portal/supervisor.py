"""The parent of the portal: keeps its children running until it is told to stop."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from phones.portal.children import Child

STOP_PATIENCE = 10.0  # seconds a child has after SIGTERM
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs children, started in the given order and stopped in `stop_order`.

    `each_turn` is called on every turn; it returns the seconds until it wants the
    next one, or None when it has nothing left to do.
    """

    def __init__(
        self,
        children: list[Child],
        *,
        stop_order: list[Child],
        each_turn: Callable[[], float | None],
    ) -> None:
        self.children = children
        self.stop_order = stop_order
        self.each_turn = each_turn
        self.signals = 0

    def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP; a second one kills instead of waiting."""
        with self._signals() as wakeup:
            try:
                while not self.signals:
                    self._wait(wakeup, self._turn())
            finally:
                for child in self.stop_order:
                    child.stop(patience=STOP_PATIENCE, hurry=lambda: self.signals > 1)

    def _turn(self) -> float:
        now = time.monotonic()
        waits = [child.turn(now) for child in self.children]
        wanted = self.each_turn()
        return min([*waits, wanted] if wanted is not None else waits)

    def _wait(self, wakeup: int, seconds: float) -> None:
        if select.select([wakeup], [], [], seconds)[0]:
            os.read(wakeup, 4096)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.signals += 1

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """A descriptor that becomes readable on each signal and each child's end."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        former_fd = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        former = {
            number: signal.signal(number, self._note)
            for number in (*STOP_SIGNALS, signal.SIGCHLD)
        }
        try:
            yield reading
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_fd)
            os.close(reading)
            os.close(writing)
