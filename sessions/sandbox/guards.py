"""The sandbox and real phones never meet: what is checked before it starts."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "sandbox.lock"
REAL = "whatsapp"
# A store file is stamped with its realm as SQLite's application_id, at this offset.
SQLITE_MAGIC = b"SQLite format 3\x00"
STAMP_OFFSET = 68
REAL_STAMP = b"SbWa"


class Refused(Exception):
    """The sandbox does not start; the text is a sentence for the person."""


def check_environment(environment: Mapping[str, str]) -> None:
    """Raises Refused when the environment is that of a real installation."""
    if environment.get("WHATSAPP_REALM", "").strip().lower() == REAL:
        raise Refused(
            "The sandbox does not start with production settings: "
            "WHATSAPP_REALM is 'whatsapp'. Unset it or use another environment."
        )


def check_directory(directory: Path) -> None:
    """Raises Refused when something in the directory belongs to real phones."""
    for path in directory.rglob("*"):
        if path.is_file() and _is_real(path):
            raise Refused(
                f"{path} belongs to the real WhatsApp. "
                "Give the sandbox a directory of its own."
            )


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory for this process. Raises Refused if another one does."""
    with open(directory / LOCK_FILE, "a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"A sandbox already runs in {directory}.") from error
        yield


def listen_again(
    listen: Callable[[int], socket.socket], port: int, last: int | None
) -> socket.socket:
    """Listen on `port`; for port 0 on the last one if it is free. Raises Refused."""
    if port == 0 and last is not None:
        try:
            return listen(last)
        except OSError:
            pass
    try:
        return listen(port)
    except OSError as error:
        raise Refused(f"Port {port} on 127.0.0.1 cannot be used: {error}.") from error


def _is_real(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            header = file.read(STAMP_OFFSET + len(REAL_STAMP))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    return header.startswith(SQLITE_MAGIC) and header.endswith(REAL_STAMP)
