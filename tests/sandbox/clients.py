"""Real clients and sandboxes in processes of their own, with waits that end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sessions.sandbox.control import SandboxControl
from tests.processes import PATIENCE, ROOT, environment, wait_until

SCRIPT = Path(__file__).with_name("companion.py")


class Client:
    """One companion.py process on one store file."""

    def __init__(self, sandbox: SandboxControl, store: Path) -> None:
        self.store = store
        self.events: list[dict[str, Any]] = []
        self._sandbox = sandbox
        self._buffer = b""
        description = sandbox.description
        with open(store.with_suffix(".log"), "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(store), description["root_key"]],
                env={
                    "PATH": os.environ["PATH"],
                    "HTTPS_PROXY": description["proxy"],
                    "SSL_CERT_FILE": description["ca_file"],
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait(
        self, name: str, patience: float = PATIENCE, **fields: Any
    ) -> dict[str, Any]:
        """The first event of this name and these fields that was not waited for yet."""
        deadline = time.monotonic() + patience
        while True:
            for event in self.events:
                if event["event"] == name and fields.items() <= event.items():
                    self.events.remove(event)
                    return event
            if not self._read(deadline - time.monotonic()):
                seen = [event["event"] for event in self.events]
                raise AssertionError(f"no {name} {fields} came, but {seen}")

    def has(self, name: str) -> bool:
        return any(event["event"] == name for event in self.events)

    def pair(self, number: str) -> str:
        """Scan the code and wait until the device is online; gives its JID."""
        code = self.wait("qr")["code"]
        jid = self._sandbox.scan(code, number)
        self.wait("ConnectedEv")
        self.wait("OfflineSyncCompletedEv")
        return jid

    def send(self, to: str, text: str, count: int = 1) -> dict[str, Any]:
        self.begin_send(to, text, count)
        return self.wait("sent", patience=60)

    def begin_send(self, to: str, text: str, count: int = 1) -> None:
        self._command(do="send", to=to, text=text, count=count)

    def log_out(self) -> None:
        self._command(do="logout")
        self.wait("logged_out_by_itself")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End as a crash would: no byte more leaves the process."""
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _command(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self, seconds: float) -> bool:
        """Take what comes within this time; False if nothing does."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        if seconds <= 0 or not select.select([pipe], [], [], seconds)[0]:
            return False
        chunk = os.read(pipe, 65536)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        self.events += [json.loads(line) for line in lines]
        return bool(chunk)


class Server:
    """A sandbox process that a test may kill and start again in its directory."""

    def __init__(self, directory: Path, **extra: str) -> None:
        self.directory = directory
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> SandboxControl:
        directory = str(self.directory)
        (self.directory / "sandbox.json").touch()
        before = (self.directory / "sandbox.json").stat().st_ino
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "sessions.sandbox", "--directory", directory],
            cwd=ROOT,
            env=environment(self.directory, **self._extra),
        )
        wait_until(
            lambda: (
                (self.directory / "sandbox.json").stat().st_ino != before
                or process.poll() is not None
            ),
            "the sandbox's start",
        )
        assert process.poll() is None, "the sandbox ended at its start"
        return SandboxControl(self.directory)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)


class Watch:
    """The sandbox's events since now."""

    def __init__(self, sandbox: SandboxControl) -> None:
        self._sandbox = sandbox
        events = sandbox.events()
        self._after = events[-1]["id"] if events else 0

    def events(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        return [
            event
            for event in self._sandbox.events(self._after)
            if event["kind"] == kind and fields.items() <= event.items()
        ]

    def wait(self, kind: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        return wait_until(
            lambda: (found := self.events(kind, **fields))[count - 1 :] and found,
            f"the sandbox's event {kind} {fields}",
        )


def wait_acknowledged(sandbox: SandboxControl, jid: str) -> None:
    """Until the device has acknowledged all that was sent to it.

    A device that has just been linked is told of itself, after it went online.
    """
    wait_until(
        lambda: (found := device_of(sandbox, jid)) and found["queued"] == 0,
        "the acknowledgement",
    )


def device_of(sandbox: SandboxControl, jid: str) -> dict[str, Any] | None:
    """What the sandbox says of a linked device; None if it is not linked."""
    return next(
        (
            device
            for account in sandbox.state()["accounts"]
            for device in account["devices"]
            if device["jid"] == jid
        ),
        None,
    )
