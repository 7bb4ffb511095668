"""A session process as the host sees it: lines in, lines out, an exit."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sessions.client.forkserver import SessionHandle
from sessions.client.wire import LineReader, WireError, encode
from sessions.host.leftovers import start_time_of

logger = logging.getLogger(__name__)

CHUNK = 65536  # bytes per read
POLITE_SECONDS = 2.0  # from "stop" to the kill


@dataclass(frozen=True)
class Ended:
    """The process is gone. code: exit status, or minus the signal."""

    code: int | None


class LiveSession:
    """Puts the process's lines and its end into the keeper's inbox."""

    def __init__(
        self, handle: SessionHandle, inbox: asyncio.Queue[Any], phone_id: int
    ) -> None:
        self.handle = handle
        self.phone_id = phone_id
        self._inbox = inbox
        self._reader = LineReader()
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._reading = True
        self._loop.add_reader(handle.socket.fileno(), self._read)
        self._loop.add_reader(handle.process.sentinel, self._exited)

    @property
    def pid(self) -> int:
        return self.handle.pid

    def tell(self, line: Mapping[str, Any]) -> None:
        """Send a line; a process that does not read is noticed by its silence."""
        try:
            self.handle.socket.send(encode(line))
        except (BlockingIOError, OSError) as error:
            logger.debug("line not sent phone=%s error=%s", self.phone_id, error)

    def renew(self, deadline: float) -> None:
        """Move the dead-man's deadline (CLOCK_MONOTONIC seconds)."""
        self.tell({"do": "renew", "deadline": deadline})

    def kill(self) -> None:
        """A host that slept may find that the pid is somebody else's by now."""
        if self._gone.is_set() or start_time_of(self.pid) != self.handle.start_time:
            return
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            logger.debug("session process gone phone=%s", self.phone_id)

    async def end(self, *, polite: bool) -> None:
        """Return when the process is gone; polite lets it close its socket first."""
        if polite and not self._gone.is_set():
            self.tell({"do": "stop"})
            try:
                await asyncio.wait_for(self._gone.wait(), POLITE_SECONDS)
            except TimeoutError:
                logger.warning("session process does not stop phone=%s", self.phone_id)
        self.kill()
        await self._gone.wait()

    def _read(self) -> bool:
        """True when there was something."""
        try:
            chunk = self.handle.socket.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if chunk:
            self._take(chunk)
        else:
            self._stop_reading()
        return bool(chunk)

    def _take(self, chunk: bytes) -> None:
        try:
            for line in self._reader.feed(chunk):
                self._inbox.put_nowait(line)
        except WireError as error:
            logger.error("session process garbled phone=%s: %s", self.phone_id, error)
            self._stop_reading()
            self.kill()

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.handle.socket.fileno())
            self.handle.socket.close()

    def _exited(self) -> None:
        self._loop.remove_reader(self.handle.process.sentinel)
        while self._reading and self._read():
            pass  # what it said before it died
        self._stop_reading()
        self._gone.set()
        self._inbox.put_nowait(Ended(self.handle.process.exitcode))
