"""The web process on the database of the test run, and a browser before it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection

from tests.factories import PASSWORD
from tests.processes import ROOT, environment, wait_until


def address_of_test_database() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    server = urlsplit(os.environ["TEST_PG_URL"])
    return server._replace(path=f"/{name}").geturl()


@contextmanager
def running_portal(directory: Path, **extra: str) -> Iterator[str]:
    """daphne with the settings of a real portal; yields its address."""
    env = environment(
        directory,
        DATABASE_URL=address_of_test_database(),
        SECRET_KEY=settings.SECRET_KEY,
        AUTH_KEYS=",".join(settings.AUTH_KEYS),
        **extra,
    )
    # Bound here: a port that was only looked for may be taken until daphne binds it.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        command = ["-m", "daphne", "-v", "0", "--fd", str(fd)]
        process = subprocess.Popen(
            [sys.executable, *command, "config.asgi:application"],
            cwd=ROOT,
            env=env,
            pass_fds=[fd],
        )
    base = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: process.poll() is not None or answers(base), "the portal", 60
        )
        assert process.poll() is None, "the web process ended at its start"
        yield base
    finally:
        process.terminate()
        process.wait(20)


def answers(base: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return bool(opener.open(f"{base}/admin/login/", timeout=5).status == 200)
    except OSError:
        return False


def let_in(user):
    """Give `user` PASSWORD in a form that the portal's own settings know."""
    user.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1)
    user.save(update_fields=["password"])
    return user
