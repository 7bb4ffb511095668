"""Where the sandbox may run: on a database and a directory of its own."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from phones.portal.children import Child

START_PATIENCE = 30.0  # seconds until the sandbox must have written its address
DATABASE_FILES = ("portal.sqlite3", "portal.sqlite3-wal", "portal.sqlite3-shm")
NAMED = re.compile(r"sandbox|(?<![a-z])(py)?test", re.IGNORECASE)
# What a start leaves in a DATA_DIR before the database is made and stamped.
FRESH = frozenset({"secret_key", "sandbox", *DATABASE_FILES})
PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def enter() -> None:
    """Start this command again in the realm of the sandbox; does not return then.

    The realm decides which DATA_DIR and database the settings choose, so it must be
    known before they are read.
    """
    if settings.SANDBOX:
        return
    environment = {**os.environ, "WHATSAPP_REALM": "sandbox"}
    os.execve(  # noqa: S606
        sys.executable, [sys.executable, *sys.orig_argv[1:]], environment
    )


def refusal() -> str | None:
    """Why the settings are not a sandbox's, as a sentence; None when they are."""
    realm = _stamped_realm()
    if realm == "sandbox":
        return None
    if realm is not None:
        return (
            "This database belongs to real phones: start the sandbox without "
            "DATABASE_URL and DATA_DIR, it makes its own."
        )
    name = str(settings.DATABASES["default"]["NAME"])
    if os.environ.get("DATABASE_URL") and not _named(name):
        return (
            f"The sandbox may not use the database {name}: unset DATABASE_URL (a line "
            "in .env counts too), or name a database with “sandbox” in its name."
        )
    if os.environ.get("DATA_DIR") and not _own_directory(settings.DATA_DIR):
        return (
            f"The sandbox may not use the DATA_DIR {settings.DATA_DIR}: unset it, or "
            "give an empty directory."
        )
    return None


def _stamped_realm() -> str | None:
    if settings.EMBEDDED and not Path(settings.DATABASES["default"]["NAME"]).exists():
        return None  # asking would create the file
    if "phone_sessions_stamp" not in connection.introspection.table_names():
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT realm FROM phone_sessions_stamp")
        row = cursor.fetchone()
    return str(row[0]) if row else None


def _named(name: str) -> bool:
    return NAMED.search(name) is not None


def _own_directory(path: Path) -> bool:
    if _named(str(path)) or not path.exists():
        return True
    return {entry.name for entry in path.iterdir()} <= FRESH


def start_sandbox(child: Child, directory: Path) -> dict[str, str]:
    """Start the sandbox; the environment that leads the other children to it.

    Its ports are kept for its later starts. Raises TimeoutError when it does not
    come up.
    """
    child.start(time.monotonic())
    assert child.process is not None  # noqa: S101
    address = _address(directory / "sandbox.json", child.process.pid)
    for option, url in (("--port", "proxy"), ("--control-port", "control")):
        child.command += [option, address[url].rpartition(":")[2].rstrip("/")]
    return {
        "HTTPS_PROXY": address["proxy"],
        "SSL_CERT_FILE": address["ca_file"],
        # No other authority is trusted, nor read into every session's memory.
        "SSL_CERT_DIR": f"{address['ca_file']}.none",
        "WHATSAPP_SANDBOX_DIR": str(directory),
    }


def _address(path: Path, pid: int) -> dict[str, Any]:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        try:
            found: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            found = {}
        if found.get("pid") == pid:  # not the file of an earlier run
            return found
        time.sleep(0.05)
    raise TimeoutError(f"the sandbox wrote no {path} within {START_PATIENCE:.0f} s")


def realm_environment() -> dict[str, str]:
    """The environment of every child in the sandbox: no proxy but the sandbox's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in PROXY_NAMES
    }
    return {**kept, "WHATSAPP_REALM": "sandbox", "DATA_DIR": str(settings.DATA_DIR)}
