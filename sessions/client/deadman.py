"""The dead-man's switch: the kernel ends this process at its deadline.

ITIMER_REAL with the default action of SIGALRM needs no running thread of ours, so a
stuck interpreter or Go runtime dies as well. Only a renewal from the host re-arms it.
"""

from __future__ import annotations

import signal
import time

# setitimer(0) would disarm; a deadline in the past must fire instead.
SHORTEST_SECONDS = 0.001


def arm(deadline: float) -> None:
    """Die at ``deadline`` (CLOCK_MONOTONIC seconds) unless armed again before."""
    remaining = deadline - time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, max(remaining, SHORTEST_SECONDS))


def keep_default_action() -> None:
    """Make sure SIGALRM kills: masks and handlers are inherited, Go may add its own.

    Call it in the main thread, before other threads inherit its mask and again after
    the Go library was loaded.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
