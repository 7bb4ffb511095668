"""From an empty directory to many linked phones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.linking import link_many
from tests.chaos.stage import SETTINGS, Stage

if TYPE_CHECKING:
    from tests.acceptance.fleet import Fleet


@contextmanager
def stage_on(fleet: Fleet, hosts: int, logs: Path | None) -> Iterator[Stage]:
    """Everything runs; nobody is linked yet."""
    from django.db import connection

    # A commit that was answered must outlive the kill of PostgreSQL.
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET synchronous_commit = on")
        cursor.execute("SELECT pg_reload_conf()")
    fleet.settings = dict(SETTINGS)
    stage = Stage(fleet, fleet.directory / "pg", hosts)
    try:
        stage.start()
        yield stage
    finally:
        stage.close()
        if logs is not None:
            logs.mkdir(parents=True, exist_ok=True)
            for log in [*fleet.directory.glob("*.log"), fleet.directory / "pg" / "log"]:
                if log.exists():
                    shutil.copy(log, logs)


def phones_on(stage: Stage, count: int) -> None:
    """Link phones through the product's own verbs; they are connected on return."""
    from phones.models import Organization

    organization = Organization.objects.create(name="Chaos")
    stage.phones, stage.jids = link_many(stage.fleet, organization, count)
