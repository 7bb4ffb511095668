"""A PostgreSQL of a test's own, which it may kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection

from tests.postgres import server_in
from tests.processes import wait_until


class OwnServer:
    """Started in a directory of its own; Django's connection of the test goes there."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pg-"))
        self._server = server_in(self.directory)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as own:
            own.execute("CREATE DATABASE fleet")
            self._host = own.info.host
        self._before = {
            name: connection.settings_dict[name] for name in ("NAME", "HOST")
        }
        connection.close()
        connection.settings_dict.update(NAME="fleet", HOST=self._host)
        call_command("migrate", verbosity=0)

    def kill(self) -> None:
        """kill -9 of the postmaster; returns when its children have noticed."""
        directory = self.directory / "pg"
        pid = int((directory / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        connection.close()
        wait_until(lambda: not self._processes(), "the end of PostgreSQL")
        # The dead postmaster may stay as a zombie, which counts as running.
        for lock in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (directory / lock).unlink()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def _processes(self) -> list[str]:
        """Processes that work in the data directory; a zombie has none."""
        found = []
        for process in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if process.readlink() == self.directory / "pg":
                    found.append(process.parent.name)
        return found

    def close(self) -> None:
        connection.close()
        connection.settings_dict.update(self._before)
        self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
