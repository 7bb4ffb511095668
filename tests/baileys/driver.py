"""Drives one linked device on Baileys from a test.

    device = BaileysDevice(sandbox.description, folder_state(directory))
    jid = device.pair(sandbox, "77054810862")      # QR, scan, 515, open
    device.send("77010000002", "hello")            # the message's id
    device.wait_for("message", text="good day")
    device.stop()                                  # everything is on the disk

The process is Node's; `make baileys` installs what it needs.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PATIENCE = 20.0


def folder_state(directory: Path) -> dict[str, Any]:
    """What useMultiFileAuthState keeps: one file per key."""
    return {"kind": "folder", "path": str(directory)}


def row_state(path: Path, organization: str, jid: str) -> dict[str, Any]:
    """A file of "BaileysAuth" rows; `jid` as the old server wrote it into them."""
    return {
        "kind": "rows",
        "path": str(path),
        "organization": organization,
        "jid": jid,
    }


class BaileysDevice:
    """A client.mjs process, every event it said, and waits with a deadline."""

    def __init__(self, description: dict[str, Any], state: dict[str, Any]) -> None:
        self.events: list[dict[str, Any]] = []
        self.jid = ""
        self._read = 0
        self._buffer = b""
        self._ids = itertools.count(1)
        kept = ("PATH", "HOME", "BAILEYS_LOG")
        self.process = subprocess.Popen(
            ["node", str(HERE / "client.mjs")],
            cwd=HERE,
            env={name: os.environ[name] for name in kept if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.say(do="start", url=description["websocket"], state=state)

    def say(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def wait_for(
        self, event: str, patience: float = PATIENCE, **fields: Any
    ) -> dict[str, Any]:
        """The next event not yet waited past that has this name and these fields."""
        deadline = time.monotonic() + patience
        while True:
            while self._read < len(self.events):
                found = self.events[self._read]
                self._read += 1
                if found["event"] == event and fields.items() <= found.items():
                    return found
            if not self._receive(deadline):
                said = [one for one in self.events if one["event"] != "qr"]
                raise AssertionError(
                    f"no {event} {fields}; {self.process.poll()} said {said}"
                )

    def seen(self, event: str) -> list[dict[str, Any]]:
        """Every event of this name so far, waited for or not."""
        while self._receive(time.monotonic()):
            pass
        return [found for found in self.events if found["event"] == event]

    def pair(self, sandbox: Any, number: str) -> str:
        """Let `number` scan the first code; the full JID once it is online."""
        sandbox.scan(self.wait_for("qr")["code"], number)
        self.wait_for("paired")
        return self.wait_open()

    def wait_open(self) -> str:
        self.jid = str(self.wait_for("open")["jid"])
        return self.jid

    def send(self, to: str, text: str) -> str:
        """Send a text and return the message's id."""
        command = self.begin_send(to, text)
        return str(self.wait_for("sent", id=command)["message_id"])

    def begin_send(self, to: str, text: str) -> int:
        command = next(self._ids)
        self.say(do="send", id=command, to=to, text=text)
        return command

    def ask(self, *numbers: str) -> list[dict[str, Any]]:
        """What WhatsApp tells of these numbers; `lid` is among it."""
        command = next(self._ids)
        self.say(do="ask", id=command, numbers=[*numbers])
        contacts: list[dict[str, Any]] = self.wait_for("answer", id=command)["contacts"]
        return contacts

    def stop(self) -> None:
        """End as a careful program does: nothing is lost, all state is written."""
        self.say(do="stop")
        self.wait_for("stopped")
        assert self.process.wait(PATIENCE) == 0
        self.close()

    def close(self) -> None:
        """Kill what is left; for fixtures."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _receive(self, deadline: float) -> bool:
        """Read once; False at the deadline or the end of the process."""
        assert self.process.stdout is not None
        if self.process.stdout.closed:
            return False
        pipe = self.process.stdout.fileno()
        remaining = max(deadline - time.monotonic(), 0)
        if not select.select([pipe], [], [], remaining)[0]:
            return False
        chunk = os.read(pipe, 65536)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        self.events += [json.loads(line) for line in lines]
        return bool(chunk)
