"""Whether this web process can serve: the checks behind `/readyz`.

Each check is one short statement. The answer is kept for a second, so that probes,
however many, cost the database nothing worth mentioning.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from sessions.auth.keys import check_stamp
from sessions.models import Host

logger = logging.getLogger(__name__)

OK = "ok"
UNKNOWN = "not checked"
KEPT_SECONDS = 1.0
PATIENCE = 2.0  # seconds; a check that is under way for longer is an answer, too


@dataclass(frozen=True)
class Report:
    """The named checks in their order, and the number of living hosts (or None).

    Anybody may ask, so a check says one of a few fixed words, never an error's text.
    """

    checks: dict[str, str]
    hosts: int | None = None

    @property
    def ready(self) -> bool:
        return all(answer == OK for answer in self.checks.values())


@dataclass
class Readiness:
    """Asks at most once in KEPT_SECONDS, in one thread at a time."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: Report | None = None
    _until: float = 0.0

    def report(self) -> Report:
        if not self._lock.acquire(timeout=PATIENCE):
            # A database that hangs must not collect the threads of all probes.
            return _report(database="slow")
        try:
            if self._kept is None or self.clock() >= self._until:
                before, self._kept = self._kept, _ask()
                self._until = self.clock() + KEPT_SECONDS
                _log_change(before, self._kept)
            return self._kept
        finally:
            self._lock.release()


def _ask() -> Report:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return _report(database="not reachable")
    try:
        if not _migrations() <= set(MigrationRecorder(connection).applied_migrations()):
            return _report(database=OK, migrations="missing")
        return Report(
            {"database": OK, "migrations": OK, "keys": _keys()},
            Host.objects.alive().count(),
        )
    except Error:
        return _report(database="failing")


def _report(**checks: str) -> Report:
    return Report(
        {**dict.fromkeys(("database", "migrations", "keys"), UNKNOWN), **checks}
    )


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """The newest migration of each app, as this process has them on disk."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _keys() -> str:
    try:
        check_stamp()
    except ImproperlyConfigured:
        return "do not fit the database"
    return OK


def _log_change(before: Report | None, now: Report) -> None:
    if now.checks == (before.checks if before else None):
        return
    if now.ready and before is not None:
        logger.info("ready again")
    elif not now.ready:
        shown = " ".join(f"{name}={answer!r}" for name, answer in now.checks.items())
        logger.warning("not ready %s", shown)
