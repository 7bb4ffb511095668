"""Who may run beside whom on one PostgreSQL: locks of a database session.

Hosts that share the database hold the first lock together, a single host alone. The
second is of the host's identity, which a copy of its DATA_DIR has as well. They break
with their connection, so they are asked for on it before each renewal of the leases,
and a single host, which may take any phone, asks before each taking too.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection

from sessions.host.identity import HostRefused
from sessions.host.threads import DatabaseThreads
from sessions.models import Host

# Any constant of ours.
ALL_HOSTS = 7_705_481_086_2
# The server may not have noticed the end of this host's former process.
PATIENCE_SECONDS = 3.0
STEP_SECONDS = 0.2

TOGETHER = "SELECT pg_try_advisory_lock_shared(%s)"
ALONE = "SELECT pg_try_advisory_lock(%s)"


class DatabaseLocks:
    """Held by the connection of the thread that renews the leases."""

    def __init__(self, host_id: uuid.UUID) -> None:
        self.host_id = host_id
        self._held_by: object | None = None

    def enter(self, threads: DatabaseThreads) -> None:
        """Take them for the first time. Raises HostRefused with a sentence."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return threads.leases_now(self.hold)
            except HostRefused:
                if time.monotonic() > until:
                    raise
                time.sleep(STEP_SECONDS)

    def hold(self) -> None:
        """Take them, unless this very connection has them.

        Raises HostRefused when another host has them, OperationalError when they cannot
        be had now.
        """
        if connection.vendor != "postgresql":
            return  # the locks on disk are all there is
        connection.ensure_connection()
        if connection.connection is self._held_by:
            return
        statement = ALONE if settings.WHATSAPP_SINGLE_HOST else TOGETHER
        if not _take(statement, ALL_HOSTS):
            self._give_way(_company())
        # 63 bits of a random id: that two hosts share them can be left out of account.
        elif not _take(ALONE, self.host_id.int >> 65):
            self._give_way(
                "Another run_sessions runs with the identity in DATA_DIR/host_id. If "
                "this DATA_DIR is a copy of its own, delete host_id in the copy."
            )
        else:
            self._held_by = connection.connection

    def _give_way(self, sentence: str) -> None:
        others = Host.objects.alive().exclude(pk=self.host_id)
        if self._held_by is None or others.exists():
            raise HostRefused(sentence)
        raise OperationalError("the server holds the locks of our broken connection")


@contextmanager
def alone() -> Iterator[bool]:
    """True within the block if no host runs, and none can start meanwhile."""
    taken = _take(ALONE, ALL_HOSTS)
    try:
        yield taken
    finally:
        if taken:
            _take("SELECT pg_advisory_unlock(%s)", ALL_HOSTS)


def _take(statement: str, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key])
        row = cursor.fetchone()
    return bool(row and row[0])


def _company() -> str:
    if settings.WHATSAPP_SINGLE_HOST:
        return (
            "WHATSAPP_SINGLE_HOST=1, but another host holds this database. Unset it on "
            "all hosts to run several."
        )
    return (
        "A host with WHATSAPP_SINGLE_HOST=1 holds this database. Unset it there to run "
        "several hosts."
    )
