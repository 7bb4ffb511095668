"""An installation to measure: a database, a sandbox and a fleet, all real."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

if TYPE_CHECKING:
    from tests.acceptance.fleet import Fleet


def configure(database: str) -> Path:
    """Point Django at an empty installation of its own; returns its directory."""
    directory = Path(tempfile.mkdtemp(prefix="sb-bench-"))
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings",
        ENV_FILE=os.devnull,
        DATA_DIR=str(directory / "data-sandbox"),
        WHATSAPP_REALM="sandbox",
        SECRET_KEY="only-for-measurements-" + "x" * 40,
        AUTH_KEYS=Fernet.generate_key().decode(),
        LOG_LEVEL="WARNING",
    )
    if database == "postgresql":
        from tests.postgres import running_url

        os.environ["DATABASE_URL"] = running_url(directory)
    else:
        os.environ["DATABASE_URL"] = f"sqlite:///{directory}/sandbox.sqlite3"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    return directory


@contextmanager
def fleet_in(directory: Path) -> Iterator[Fleet]:
    """A sandbox and no host yet; everything ends and is deleted afterwards."""
    from tests.acceptance.fleet import Fleet
    from tests.processes import running_sandbox

    boxes = directory / "sandbox"
    boxes.mkdir()
    try:
        with (
            (directory / "sandbox.log").open("wb") as log,
            running_sandbox(boxes, log) as control,
        ):
            fleet = Fleet(
                sandbox=control,
                sandbox_directory=boxes,
                directory=directory,
                settings={"WHATSAPP_STARTS_PER_SECOND": "0"},
            )
            try:
                yield fleet
            finally:
                fleet.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
