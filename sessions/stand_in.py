"""Clears and put-backs that a person waits for are done even if no host does them.

Hosts come first. Where none is there, or none takes the phone, whoever asked does it:
the terminal in its own loop, a page by a thread of the web process. A dead host's hold
on the phone runs out by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from threading import Thread

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from sessions.models import Host, PhoneRequest

logger = logging.getLogger(__name__)

# Living hosts come to it within two looks; after that one that is full, or stuck, is
# not waited for.
CHANCE = timedelta(seconds=5)
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 120.0  # a dead host's lease, and more


def done(request: PhoneRequest) -> bool:
    """Whether it is over; does it where no host would. `request` is read anew."""
    # Imported late: it brings the host's machinery, which pages do not need.
    from sessions.host.caretaker import PhoneIsKept, carry_out

    request.refresh_from_db()
    if request.done_at is not None:
        return True
    young = timezone.now() - request.requested_at < CHANCE
    if young and Host.objects.alive().exists():
        return False
    try:
        carry_out(request)
    except PhoneIsKept:
        return False
    request.refresh_from_db()
    return request.done_at is not None


def see_through(requests: Iterable[PhoneRequest]) -> None:
    """For a page: return at once, and do what no host does after the commit."""
    waiting = list(requests)
    thread = Thread(target=_see_through, args=(waiting,), name="stand-in", daemon=True)
    transaction.on_commit(thread.start)


def _see_through(waiting: list[PhoneRequest]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        while waiting and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            waiting = [request for request in waiting if not _over(request)]
    finally:
        connections.close_all()


def _over(request: PhoneRequest) -> bool:
    """A request that fails here is left to the next host."""
    try:
        return done(request)
    except PhoneRequest.DoesNotExist:
        return True  # its phone was deleted
    except DatabaseError as error:
        logger.warning(
            "stand-in waits request=%s error=%s", request.pk, type(error).__name__
        )
    except Exception:
        logger.exception("stand-in failed request=%s", request.pk)
        return True
    return False
