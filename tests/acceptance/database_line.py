"""A line to PostgreSQL that can be cut or go silent, for the hosts but not the test."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path

SOCKET = ".s.PGSQL.5432"


class DatabaseLine:
    """Listens in `directory` as PostgreSQL does and passes everything on.

    cut: connections break and new ones are refused. silence: they stay open, and
    nothing passes any more.
    """

    def __init__(self, server: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="line-"))
        self._server = f"{server}/{SOCKET}"
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.mend()

    def cut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            (self.directory / SOCKET).unlink()
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        self._flowing.clear()

    def mend(self) -> None:
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self.directory / SOCKET))
            self._listener.listen(64)
            self._thread(self._accept, self._listener)

    def close(self) -> None:
        self.mend()
        self.cut()
        shutil.rmtree(self.directory)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                with self._lock:
                    self._open |= {client, server}
                if self._listener is not listener:  # cut while this one came in
                    for end in (client, server):
                        end.shutdown(socket.SHUT_RDWR)
                self._thread(self._pass_on, client, server)
                self._thread(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self._flowing.wait()
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if source in self._open:
                # The other direction's thread finds it closed and ends as well.
                self._open.discard(source)
                source.close()

    def _thread(self, target, *arguments) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()
