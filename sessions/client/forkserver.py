"""The host's forkserver: session processes are forked from it, preloaded and clean.

The standard library's, with three differences. It is exec'ed with an environment built
from an allow list, so no secret of the portal is in it or its children. It is started
from a thread that never ends, because the kernel's parent-death signal watches that
thread, not the process. And children do not import the host's main script again.
"""

from __future__ import annotations

import io
import multiprocessing.connection
import multiprocessing.context
import multiprocessing.forkserver
import multiprocessing.popen_forkserver
import multiprocessing.reduction
import multiprocessing.util
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from . import process as session_process
from .environment import session_environment
from .linux_process import start_time
from .wire import SessionSettings

PRELOAD: Final = "sessions.client.preload"
START_SECONDS = 30.0
DYING_SECONDS = 5.0


class ForkServerError(Exception):
    """The forkserver is not running or could not be started."""


@dataclass(frozen=True)
class SessionHandle:
    """A session as its host holds it: who it is, and the host's end of the socket."""

    pid: int
    start_time: int
    socket: socket.socket
    process: multiprocessing.context.ForkServerProcess


class SessionForkServer(multiprocessing.forkserver.ForkServer):
    """One forkserver with its own environment; starts again by itself if it died."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._environment = dict(environment)
        self._requests: queue.SimpleQueue[queue.SimpleQueue[Exception | None] | None]
        self._requests = queue.SimpleQueue()
        self._keeper = threading.Thread(
            target=self._keep, name="forkserver-keeper", daemon=True
        )
        self._keeper.start()
        self.set_forkserver_preload([PRELOAD])

    def ensure_running(self) -> None:
        """Start it if it does not run; its parent is always the keeper thread."""
        if self._runs():
            return
        answer: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._requests.put(answer)
        try:
            error = answer.get(timeout=START_SECONDS)
        except queue.Empty:
            raise ForkServerError("the forkserver did not start") from None
        if error is not None:
            raise ForkServerError(f"the forkserver did not start: {error}") from error

    def _runs(self) -> bool:
        """Asked without waiting for it, which is the keeper's alone."""
        pid: int | None = self._forkserver_pid  # type: ignore[attr-defined]
        if pid is None:
            return False
        try:
            return (
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
            )
        except ChildProcessError:
            return False

    def connect_to_new_process(self, fds: Sequence[int]) -> tuple[int, int]:
        """As in the standard library; waits for one that is just dying to be dead."""
        deadline = time.monotonic() + DYING_SECONDS
        while True:
            try:
                return super().connect_to_new_process(fds)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self) -> None:
        """End it, and by the parent-death signal every session forked from it."""
        self._stop()  # type: ignore[attr-defined]
        self._requests.put(None)
        self._keeper.join()

    def _keep(self) -> None:
        while (answer := self._requests.get()) is not None:
            try:
                with _exec_environment(self._environment):
                    super().ensure_running()
            except Exception as error:
                answer.put(error)
            else:
                answer.put(None)


@contextmanager
def _exec_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Within the block this thread's multiprocessing execs with ``environment``.

    Changing os.environ for the moment would be seen by every other thread.
    """
    here = threading.get_ident()
    inherit = multiprocessing.util.spawnv_passfds

    def spawn(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
        if threading.get_ident() != here:
            return inherit(path, args, passfds)
        *options, command = args
        command = f"{_find_modules_as_here()}; {command}"
        process = subprocess.Popen(
            [*options, command], executable=path, env=environment, pass_fds=passfds
        )
        # Whoever spawned it waits for it by pid; Popen must not think it leaked.
        process.returncode = 0
        return process.pid

    multiprocessing.util.spawnv_passfds = spawn
    try:
        yield
    finally:
        multiprocessing.util.spawnv_passfds = inherit


def _find_modules_as_here() -> str:
    """A program given by -c would look into the working directory, and not into ours.

    What PYTHONPATH brought stays in front: instrumentation finds its own modules.
    """
    ours = [os.path.abspath(entry) for entry in sys.path]
    return (
        f"import sys; ours = {ours!r}; "
        "sys.path[:] = [at for at in sys.path if at and at not in ours] + ours"
    )


class _Popen(multiprocessing.popen_forkserver.Popen):
    """As in the standard library, but tells the child nothing of our main script."""

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """As in the standard library, and safe in threads.

        There two readers of the exit code race, and the second one takes the end of the
        pipe for exit code 255; starting any process polls all the others.
        """
        timeout = 0 if flag == os.WNOHANG else None
        if self.returncode is None and multiprocessing.connection.wait(
            [self.sentinel], timeout
        ):
            with self._reading:
                super().poll(flag)
        return self.returncode

    def _launch(self, process_obj: Any) -> None:
        self._reading = threading.Lock()
        server = process_obj.server
        del process_obj.server
        buffer = io.BytesIO()
        multiprocessing.context.set_spawning_popen(self)
        try:
            multiprocessing.reduction.dump({"name": process_obj.name}, buffer)
            multiprocessing.reduction.dump(process_obj, buffer)
        finally:
            multiprocessing.context.set_spawning_popen(None)
        self.sentinel, writable = server.connect_to_new_process(self._fds)  # type: ignore[attr-defined]
        # The child sees by its copy of this pipe that we are alive.
        kept = os.dup(writable)
        self.finalizer = multiprocessing.util.Finalize(
            self,
            multiprocessing.util.close_fds,  # type: ignore[attr-defined]
            (kept, self.sentinel),
        )
        with open(writable, "wb") as pipe:
            pipe.write(buffer.getbuffer())
        self.pid = multiprocessing.forkserver.read_signed(self.sentinel)


class SessionProcess(multiprocessing.context.ForkServerProcess):
    """A process forked from one of our forkservers; ends with its host at latest."""

    def __init__(
        self,
        server: SessionForkServer,
        target: Callable[..., object],
        args: tuple[object, ...],
        name: str,
    ) -> None:
        super().__init__(target=target, args=args, name=name, daemon=True)
        self.server = server

    @staticmethod
    def _Popen(process_obj: Any) -> _Popen:
        return _Popen(process_obj)


_server: SessionForkServer | None = None


def start(environment: Mapping[str, str], extra: Mapping[str, str]) -> None:
    """Start the forkserver now, before any database connection and any session.

    ``extra`` is added to what the allow list passes. Raise ForkServerError if it runs
    already or does not start.
    """
    global _server
    if _server is not None:
        raise ForkServerError("the forkserver is running already")
    server = SessionForkServer(session_environment(environment, extra))
    server.ensure_running()
    _server = server


def stop() -> None:
    """End the forkserver and with it every session it made."""
    global _server
    if _server is not None:
        _server.stop()
        _server = None


def run(
    target: Callable[..., object], args: tuple[object, ...], name: str = "session"
) -> SessionProcess:
    """Fork a process that calls ``target``; sockets in ``args`` are handed over.

    Raise ForkServerError if there is no forkserver or it died; try again then.
    """
    if _server is None:
        raise ForkServerError("the forkserver has not been started")
    process = SessionProcess(_server, target, args, name)
    try:
        process.start()
    except (OSError, EOFError) as error:
        raise ForkServerError(f"no process was forked: {error!r}") from error
    return process


def spawn(settings: SessionSettings) -> SessionHandle:
    """Fork a session process and return the host's hold on it.

    Raise ForkServerError as :func:`run` does.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            name = f"session-{settings.phone_id}"
            process = run(session_process.main, (theirs, settings), name)
        except BaseException:
            ours.close()
            raise
    ours.setblocking(False)
    pid = process.pid or 0
    return SessionHandle(pid, start_time(pid) or 0, ours, process)
