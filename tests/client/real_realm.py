"""Sessions of the real realm that still meet nothing but 127.0.0.1.

A sitecustomize on PYTHONPATH puts the sandbox's Noise root key into the library, as
tests/acceptance/test_instrumented_site.py does; and, if asked to, a listener of the
test's in the place of web.whatsapp.com. Whatever goes past a proxy arrives there.
"""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

from sessions.client import forkserver
from sessions.client.store_schema import create_schema
from tests.client.session_driver import SessionDriver, session_settings

PATCH = """
import ctypes
libc = ctypes.CDLL(None)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = 4096

def ranges(permissions):
    with open("/proc/self/maps") as maps:
        for line in maps:
            words = line.split()
            if "/neonize-" in line and words[1] == permissions:
                yield tuple(int(part, 16) for part in words[0].split("-"))

def put(old, new, permissions):
    for first, last in ranges(permissions):
        at = ctypes.string_at(first, last - first).find(old)
        if at >= 0:
            page = (first + at) // PAGE * PAGE
            if permissions == "r--p" and libc.mprotect(page, 2 * PAGE, 3):
                raise OSError("mprotect")
            ctypes.memmove(first + at, new, len(new))
            return
    raise LookupError(old)

real_init = ctypes.CDLL.__init__
def init(self, name, *arguments, **options):
    real_init(self, name, *arguments, **options)
    if "neonize-" in str(name):
        put(bytes.fromhex({whatsapps}), bytes.fromhex({sandboxes}), "rw-p")
        if {server}:
            put(b"wss://web.whatsapp.com/ws/chat", {server}, "r--p")
ctypes.CDLL.__init__ = init
"""
WHATSAPPS_KEY = "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"


class Listener:
    """Counts who comes; hangs up."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> bytes:
        """As long as the library's own, whose place it takes."""
        port = self._socket.getsockname()[1]
        return f"wss://127.0.0.1:{port}/ws/chat".replace("/ws/", "/ws//").encode()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            client.close()


class RealRealm:
    """A forkserver without the sandbox's proxy, and its sessions."""

    def __init__(self, directory: Path, description: dict[str, Any]) -> None:
        self._directory = directory
        self._description = description
        self._drivers: list[SessionDriver] = []

    def start(self, instead: Listener | None = None, **environment: str) -> None:
        """`instead` takes the place of web.whatsapp.com; SSL_CERT_FILE may be given."""
        folder = self._directory / "instrumentation"
        folder.mkdir()
        server = instead.url if instead is not None else None
        assert server is None or len(server) == len(b"wss://web.whatsapp.com/ws/chat")
        patch = PATCH.format(
            whatsapps=repr(WHATSAPPS_KEY),
            sandboxes=repr(self._description["root_key"]),
            server=server,
        )
        (folder / "sitecustomize.py").write_text(patch)
        given = {
            "PYTHONPATH": str(folder),
            "SSL_CERT_FILE": self._description["ca_file"],
            "SSL_CERT_DIR": f"{self._description['ca_file']}.none",
        }
        bare = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG")
            if name in os.environ
        }
        forkserver.start(bare, {**given, **environment})

    def session(self, name: str = "phone", **changes: Any) -> SessionDriver:
        home = self._directory / name
        home.mkdir(exist_ok=True)
        settings = session_settings(home, None, **changes)
        if not Path(settings.store_path).exists():
            create_schema(settings.store_path, "whatsapp")
        self._drivers.append(SessionDriver(settings))
        return self._drivers[-1]

    def close(self) -> None:
        for driver in self._drivers:
            driver.close()
        forkserver.stop()
