"""The way to the host: handlers put lines, one thread writes them in order."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections.abc import Callable

from .exit_codes import HOST_GONE
from .wire import Line, encode

Item = Line | Callable[[], Line] | threading.Event


class Outbox:
    """Never blocks the one who puts. A dead host ends the process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, line: Line) -> None:
        """Queue a line; its time is now, not when it is written."""
        self._items.put({"at": time.time(), **line})

    def put_later(self, make_line: Callable[[], Line]) -> None:
        """Queue a line that is made on the writing thread, after those before it."""
        self._items.put(make_line)

    def flush(self, seconds: float) -> None:
        """Wait until everything queued so far is written, at most ``seconds``."""
        written = threading.Event()
        self._items.put(written)
        written.wait(seconds)

    def _write(self) -> None:
        while True:
            item = self._items.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            line = item if isinstance(item, dict) else {"at": time.time(), **item()}
            try:
                self._connection.sendall(encode(line))
            except OSError:
                os._exit(HOST_GONE)
