"""The session process: one linked device, from the fork to ``os._exit``.

It talks to its host over a socketpair (``wire``) and never outlives its deadline, its
host or the forkserver. It never opens the store with Python's sqlite3: closing that
second SQLite would drop the file locks of the one inside the Go library.
"""

from __future__ import annotations

import fcntl
import logging
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import NoReturn

from . import deadman, own_proxy
from .exit_codes import CRASHED, REFUSED
from .linux_process import die_with_parent, in_low_priority
from .log_lines import START_MARK
from .neonize_library import VERSION, Client, load
from .realm_guard import Refused, check_before_loading, enter_sandbox
from .session import Session
from .wire import SessionSettings, encode

logger = logging.getLogger(__name__)

MAX_STDERR_BYTES = 1024 * 1024


def main(connection: socket.socket, settings: SessionSettings) -> NoReturn:
    """Run one session in a fresh child of the forkserver; ends in ``os._exit``."""
    try:
        _run(connection, settings)
    except Refused as refusal:
        _say_refused(connection, str(refusal))
        os._exit(REFUSED)
    except Exception:
        logger.exception("the session process failed phone=%s", settings.phone_id)
    os._exit(CRASHED)


def _run(connection: socket.socket, settings: SessionSettings) -> None:
    started = time.monotonic()
    die_with_parent()
    deadman.keep_default_action()
    deadman.arm(settings.deadline)
    take_leave_of_forkserver()
    _redirect_output(settings.stderr_path)
    # Kept open for the life of the process: the kernel drops the lock at its end.
    _lock_fd = _lock(settings.lock_path)
    check_before_loading(settings)
    own_proxy.prepare(settings)
    preloaded = in_low_priority(load)
    enter_sandbox(settings)
    # Go installs handlers for some signals when it is loaded; this one stays ours.
    deadman.keep_default_action()
    session = Session(connection, settings, Client)
    session.say_hello(
        library=f"neonize {VERSION}",
        loaded_ms=round((time.monotonic() - started) * 1000),
        preloaded=preloaded,
    )
    session.run()


def take_leave_of_forkserver() -> None:
    """Close what multiprocessing handed down and set signals as for a fresh program.

    Holding the forkserver's alive pipe would keep it running after its host died.
    Ctrl-C in a terminal reaches the whole group, but only the host decides.
    """
    forkserver = multiprocessing.forkserver._forkserver
    tracker = multiprocessing.resource_tracker._resource_tracker
    for owner, name in ((forkserver, "_forkserver_alive_fd"), (tracker, "_fd")):
        fd = getattr(owner, name, None)
        if fd is not None:
            with suppress(OSError):
                os.close(fd)
            setattr(owner, name, None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.umask(0o077)


def _redirect_output(path: str) -> None:
    """Send fd 1 and 2 to the session's own file: Go prints there and cannot be told."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.fchmod(fd, 0o600)
        if os.fstat(fd).st_size > MAX_STDERR_BYTES:
            os.ftruncate(fd, 0)
    except OSError as error:
        raise Refused(f"The log file cannot be opened: {error.strerror}.") from error
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(fd, f"{START_MARK} pid={os.getpid()}\n".encode())
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _lock(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(f"The lock file cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Refused("Another process holds the lock of this phone.") from error
    return fd


def _say_refused(connection: socket.socket, reason: str) -> None:
    line = encode({"event": "refused", "at": time.time(), "reason": reason})
    with suppress(OSError):
        connection.sendall(line)
