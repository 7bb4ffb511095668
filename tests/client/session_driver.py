"""Drives one real session process from a test, as a host would.

    driver = SessionDriver.create(directory, sandbox.description)   # an empty store
    jid = driver.pair(sandbox, "77054810862")          # QR, scan, 515, Connected
    driver.send("77010000002", "hello")                # the result line
    driver.stop()                                       # exit code 0
    again = SessionDriver.create(directory, sandbox.description, jid=jid)

``forkserver.start`` must have been called, with the sandbox in its environment.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import time
import uuid
from pathlib import Path
from typing import Any

from sessions.client import forkserver
from sessions.client.store_schema import create_schema
from sessions.client.wire import LineReader, SessionSettings, encode

PATIENCE = 15.0
LEASE_SECONDS = 300.0

_phone_ids = itertools.count(1)


def sandbox_environment(description: dict[str, Any]) -> dict[str, str]:
    """What the host of a sandbox gives its sessions, from sandbox.json.

    Without SSL_CERT_DIR Go reads the system's certificates too: 1.4 MiB per session.
    """
    return {
        "HTTPS_PROXY": description["proxy"],
        "SSL_CERT_FILE": description["ca_file"],
        "SSL_CERT_DIR": f"{description['ca_file']}.none",
    }


def session_settings(
    directory: Path, description: dict[str, Any] | None, **changes: Any
) -> SessionSettings:
    """Settings of one phone whose files live in `directory`; realm sandbox if given."""
    fields: dict[str, Any] = {
        "phone_id": next(_phone_ids),
        "store_path": str(directory / "store.db"),
        "realm": "whatsapp" if description is None else "sandbox",
        "jid": None,
        "device_name": "Switchboard (Acme)",
        "deadline": time.monotonic() + LEASE_SECONDS,
        "lock_path": str(directory / "lock"),
        "stderr_path": str(directory / "stderr.log"),
        "root_key": None if description is None else description["root_key"],
    }
    return SessionSettings(**{**fields, **changes})


class SessionDriver:
    """A session process, every line it said, and waits with a deadline."""

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.lines: list[dict[str, Any]] = []
        self._read = 0
        self._reader = LineReader()
        self._ended = False
        self.handle = forkserver.spawn(settings)

    @classmethod
    def create(
        cls, directory: Path, description: dict[str, Any], **changes: Any
    ) -> SessionDriver:
        """Spawn on the store in `directory`, which is made if there is none."""
        directory.mkdir(parents=True, exist_ok=True)
        settings = session_settings(directory, description, **changes)
        if not Path(settings.store_path).exists():
            create_schema(settings.store_path, settings.realm)
        return cls(settings)

    @property
    def pid(self) -> int:
        return self.handle.pid

    def say(self, **command: Any) -> None:
        self.handle.socket.setblocking(True)
        self.handle.socket.sendall(encode(command))
        self.handle.socket.setblocking(False)

    def renew(self, seconds: float = LEASE_SECONDS) -> None:
        self.say(do="renew", deadline=time.monotonic() + seconds)

    def wait_for(
        self, event: str, patience: float = PATIENCE, **fields: Any
    ) -> dict[str, Any]:
        """The next line not yet waited past that has this event and these fields."""
        deadline = time.monotonic() + patience
        while True:
            while self._read < len(self.lines):
                line = self.lines[self._read]
                self._read += 1
                if line["event"] == event and fields.items() <= line.items():
                    return line
            if not self._receive(deadline):
                said = [line for line in self.lines if line["event"] != "qr"]
                raise AssertionError(f"no {event} {fields}; {self.end()} said {said}")

    def seen(self, event: str) -> list[dict[str, Any]]:
        """Every line of this event so far, waited for or not."""
        while self._receive(time.monotonic()):
            pass
        return [line for line in self.lines if line["event"] == event]

    def _receive(self, deadline: float) -> bool:
        """Read once; False at the deadline or the end of the process."""
        remaining = max(deadline - time.monotonic(), 0)
        if self._ended or not select.select([self.handle.socket], [], [], remaining)[0]:
            return False
        try:
            chunk = self.handle.socket.recv(65536)
        except ConnectionResetError:
            chunk = b""
        self._ended = not chunk
        self.lines += self._reader.feed(chunk)
        return bool(chunk)

    def pair(self, sandbox: Any, number: str) -> str:
        """Let `number` scan the first code; return the full JID once Connected."""
        sandbox.scan(self.wait_for("qr")["code"], number)
        jid = self.wait_for("pair_status", status="SUCCESS")["jid"]
        self.wait_for("connected")
        return str(jid)

    def send(self, to: str, text: str, patience: float = PATIENCE) -> dict[str, Any]:
        """Send one text and return its result line."""
        command_id = uuid.uuid4().hex
        self.say(do="send", id=command_id, to=to, text=text)
        return self.wait_for("result", patience, id=command_id)

    def end(self, patience: float = 0.0) -> int | None:
        """Wait for the process; its exit code, None if it still runs."""
        self.handle.process.join(patience)
        return self.handle.process.exitcode

    def stop(self) -> int | None:
        """Stop it as a host does and return the exit code."""
        with contextlib.suppress(OSError):
            self.say(do="stop")
        return self.end(PATIENCE)

    def close(self) -> None:
        """Kill what is left and close the socket; for fixtures."""
        if self.end() is None:
            self.handle.process.kill()
            self.end(PATIENCE)
        self.handle.process.close()
        self.handle.socket.close()
