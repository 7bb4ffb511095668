"""Who this host is, and the locks that keep a second one out."""

from __future__ import annotations

import fcntl
import os
import socket
import time
import uuid
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from config.version import VERSION
from sessions.models import Host

MOMENT_SECONDS = 2.0
STEP_SECONDS = 0.05


class HostRefused(Exception):
    """This host may not run; the message says why and what to do."""


class FileLock:
    """An exclusive flock that lives as long as the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def database_lock_path() -> Path:
    """The lock beside an SQLite database: it serves one host."""
    name = Path(connection.settings_dict["NAME"])
    return name.with_name(name.name + ".host-lock")


def _taken_soon(lock: FileLock) -> bool:
    """A command or a page that clears without a host has it for a moment."""
    until = time.monotonic() + MOMENT_SECONDS
    while not lock.take():
        if time.monotonic() > until:
            return False
        time.sleep(STEP_SECONDS)
    return True


def take_locks(directory: Path | None = None) -> list[FileLock]:
    """The locks a host holds for life; raises HostRefused with a sentence."""
    directory = directory or settings.DATA_DIR
    locks = [FileLock(directory / "host.lock")]
    if not locks[0].take():
        raise HostRefused(
            f"Another run_sessions works in {directory}. One host per DATA_DIR: stop "
            "it, or give this one a DATA_DIR of its own."
        )
    if connection.vendor == "sqlite":
        locks.append(FileLock(database_lock_path()))
        if not _taken_soon(locks[1]):
            locks[0].release()
            raise HostRefused(
                "Another run_sessions uses this SQLite database, which serves one "
                "host. For several hosts set DATABASE_URL to a PostgreSQL database."
            )
    return locks


def host_id(directory: Path | None = None) -> uuid.UUID:
    """The random identity kept in DATA_DIR; made on the first start."""
    path = (directory or settings.DATA_DIR) / "host_id"
    try:
        return uuid.UUID(path.read_text().strip())
    except (FileNotFoundError, ValueError):
        identity = uuid.uuid4()
        part = path.with_suffix(".part")
        part.write_text(f"{identity}\n")
        part.replace(path)
        return identity


def register(*, name: str | None, capacity: int, library_version: str) -> Host:
    """The host's row; raises HostRefused when a live host has this name."""
    identity = host_id()
    name = name or socket.gethostname()
    with transaction.atomic():
        namesake = Host.objects.filter(name=name).exclude(pk=identity)
        if namesake.alive().exists():
            raise HostRefused(
                f"A host named {name!r} is running. Give this one another name: "
                "run_sessions --host-name NAME."
            )
        namesake.update(stopped_at=timezone.now())
    try:
        host, _ = Host.objects.update_or_create(
            pk=identity,
            defaults={
                "name": name,
                "pid": os.getpid(),
                "capacity": capacity,
                "library_version": library_version,
                "software_version": VERSION,
                "started_at": timezone.now(),
                "stopped_at": None,
                "leaving": False,
            },
        )
    except IntegrityError as error:
        raise HostRefused(f"A host named {name!r} has just started.") from error
    host.beat()
    return host
