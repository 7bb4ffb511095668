"""From the command to the running supervisor."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import ExitStack, suppress
from importlib.metadata import version

from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from phones.portal.sandbox_realm import refusal
from phones.startup import check_database
from sessions.alerts.rounds import rounds_of_a_host, running_rounds
from sessions.auth.keys import check_stamp
from sessions.host import identity, realm
from sessions.host.database_locks import DatabaseLocks
from sessions.host.house import House
from sessions.host.identity import HostRefused
from sessions.host.supervisor import Supervisor
from sessions.host.threads import DatabaseThreads
from sessions.models import Host

logger = logging.getLogger(__name__)

# Python lets a thread that computes go on for 5 ms when another one wants to. The loop
# gives way at each of its many small system calls, one per phone and more: 100 calls of
# os.stat beside two threads that compute took 124 ms, and take 21 so (Python 3.11).
SWITCH_SECONDS = 0.0005
CLOSING_SECONDS = 3.0  # for database calls that are under way at the end


def run_host(*, name: str | None, capacity: int | None) -> None:
    """Run until SIGTERM or SIGINT; raises HostRefused with a sentence."""
    capacity = settings.WHATSAPP_CAPACITY if capacity is None else capacity
    if capacity < 1:
        raise HostRefused("--capacity must be at least 1.")
    sys.setswitchinterval(SWITCH_SECONDS)
    surroundings = realm.survey(os.environ)
    with ExitStack() as held:
        for lock in identity.take_locks():
            held.callback(lock.release)
        check_installation()
        # Its connections live as long as the host; locks hang on one.
        connections["default"].settings_dict["CONN_MAX_AGE"] = None
        threads = DatabaseThreads(writers=2 if connection.vendor == "sqlite" else 4)
        held.callback(_leave_database, threads)
        database_locks = DatabaseLocks(identity.host_id())
        database_locks.enter(threads)
        library = f"neonize {version('neonize')}"
        host = identity.register(name=name, capacity=capacity, library_version=library)
        house = House(
            host=host,
            threads=threads,
            locks=database_locks,
            directory=settings.DATA_DIR,
            realm=surroundings.realm,
            root_key=surroundings.root_key,
        )
        held.enter_context(running_rounds(rounds_of_a_host()))
        try:
            asyncio.run(_run(house, capacity))
        except HostRefused:
            _forget(host)
            raise
        logger.info("host stopped name=%s", host.name)


def _leave_database(threads: DatabaseThreads) -> None:
    if threads.close(CLOSING_SECONDS):
        return
    # Python would wait for the threads for ever, the kernel does not.
    logger.warning("database does not answer, leaving calls unfinished")
    logging.shutdown()
    os._exit(0)


def check_installation() -> None:
    """Everything about the database that must hold; raises with a sentence."""
    if settings.SANDBOX and (reason := refusal()):
        raise HostRefused(reason)
    check_database()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise HostRefused(
            "The database is not up to date: run `python manage.py migrate` first."
        )
    check_stamp()


def _forget(host: Host) -> None:
    """A refused host is not there, whatever its heartbeat says."""
    connection.close()  # unused since the start, so it may be broken
    with suppress(DatabaseError):
        Host.objects.filter(pk=host.pk).update(stopped_at=timezone.now())


async def _run(house: House, capacity: int) -> None:
    supervisor = Supervisor(house, capacity=capacity)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    # From this line on SIGTERM is a wish to hand over.
    logger.info("host started name=%s capacity=%s", house.host.name, capacity)
    try:
        await supervisor.run()
    finally:
        house.close()
