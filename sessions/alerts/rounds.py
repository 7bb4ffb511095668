"""Surveying and telling, round after round, beside whatever the process does."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.db import Error, close_old_connections, connections
from django.utils import timezone

from sessions.alerts import channel
from sessions.alerts.delivery import deliver
from sessions.alerts.survey import survey

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 10.0
# After a start, and after the database was away: servers beat again by then.
SETTLE_SECONDS = 20.0
LEAVE_SECONDS = 2.0  # a message that is under way is not waited for any longer


class AlertRounds:
    """One survey and one delivery per round; any number of processes may do it."""

    def __init__(self, *, tells: bool = True) -> None:
        address = channel.configured() if tells else None
        self._channel = partial(channel.send, address) if address else None
        logger.info("alerts go to=%s", address.shown if address else "the portal only")
        self._rng = random.Random()  # noqa: S311 - jitter

    def once(self) -> tuple[int, int]:
        """(rows raised or ended, messages sent); raises django.db.Error."""
        changed = survey(timezone.now())
        if self._channel is None:
            return changed, 0
        return changed, deliver(self._channel, rng=self._rng)

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop` is set."""
        pause = SETTLE_SECONDS
        while not stop.wait(pause):
            pause = self._turn()
        connections.close_all()

    def _turn(self) -> float:
        """One round, and the pause after it; the only broad except of the loop."""
        try:
            close_old_connections()
            self.once()
        except Error as error:
            logger.warning("database fails loop=alerts error=%s", type(error).__name__)
            return SETTLE_SECONDS
        except Exception:
            logger.exception("loop failed loop=alerts")
            return SETTLE_SECONDS
        return PAUSE_SECONDS


@contextmanager
def running_rounds(rounds: AlertRounds) -> Iterator[None]:
    """In a thread of their own, which no end of the process waits for."""
    stop = threading.Event()
    thread = threading.Thread(
        target=rounds.run, args=(stop,), name="alerts", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LEAVE_SECONDS)


def rounds_of_a_host() -> AlertRounds:
    """In the sandbox a host's way out leads to the sandbox's WhatsApp only."""
    return AlertRounds(tells=not settings.SANDBOX)
