"""The sandbox as a whole: its parts, its directory, its start and its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessions.sandbox import guards, protobuf
from sessions.sandbox.accounts import Account, Accounts, LinkedDevice
from sessions.sandbox.codes import Code, ScanError
from sessions.sandbox.connection import Connection, Party
from sessions.sandbox.control_server import ControlServer
from sessions.sandbox.events import EventLog
from sessions.sandbox.faults import Faults
from sessions.sandbox.jids import Jid
from sessions.sandbox.keyring import Keyring, write_private
from sessions.sandbox.login import Login
from sessions.sandbox.nodes import Node
from sessions.sandbox.online import Online
from sessions.sandbox.pairing import Pairing
from sessions.sandbox.prekey_ledger import PrekeyLedger
from sessions.sandbox.proxy import PLAIN_PATH, Proxy, listen
from sessions.sandbox.router import Router
from sessions.sandbox.settings import Settings
from sessions.sandbox.storage import Storage
from sessions.sandbox.websocket import WebSocket

logger = logging.getLogger(__name__)

DESCRIPTION_FILE = "sandbox.json"
ACCOUNTS_FILE = "accounts.sqlite3"
FLUSH_SECONDS = 0.05

# Fields of ClientPayload.
USERNAME, DEVICE, PAIRING_DATA = 1, 18, 19


class Sandbox:
    """Everything the connections share. Lives in one event loop."""

    def __init__(self, keyring: Keyring, storage: Storage) -> None:
        self.keyring = keyring
        self.started_at = int(time.time() * 1000)
        self.settings = Settings()
        self.events = EventLog()
        self.faults = Faults()
        self.accounts = Accounts(storage)
        self.prekeys = PrekeyLedger(storage, self.accounts)
        self.online = Online(self)
        self.router = Router(self)
        self.connections: dict[int, Connection] = {}
        self.pairings: dict[int, Pairing] = {}

    async def serve(self, stream: WebSocket) -> None:
        """Serve one client of the proxy to its end."""
        connection = Connection(self, stream)
        self.connections[connection.id] = connection
        self.events.statistics.connections += 1
        self.events.add("connected_socket", connection=connection.id)
        await connection.run()

    def identify(self, connection: Connection, payload: bytes) -> Party:
        """Who this is, by what it says at the end of the handshake."""
        fields = protobuf.decode(payload)
        if PAIRING_DATA in fields:
            pairing = Pairing(self, connection, fields.message(PAIRING_DATA))
            self.pairings[connection.id] = pairing
            return pairing
        number = str(fields.integer(USERNAME))
        return Login(self, connection, number, fields.integer(DEVICE))

    def connection_ended(self, connection: Connection, reason: str) -> None:
        self.connections.pop(connection.id, None)
        self.pairings.pop(connection.id, None)
        self.events.add("closed", connection=connection.id, reason=reason)

    def refused_host(self, host: str) -> None:
        self.events.statistics.refused_hosts += 1
        self.events.add("foreign_host", host=host)

    def scan(self, text: str, number: str | None) -> Jid:
        """A phone scans the QR text. Raises ScanError."""
        code = Code.parse(text)
        pairing = next((p for p in self.pairings.values() if p.owns(code)), None)
        if pairing is None:
            raise ScanError("This code is unknown or has expired.")
        number = number or self.accounts.fresh_number()
        pairing.check(code, self.accounts.get(number))
        return pairing.scan(code, self.accounts.ensure(number))

    def unlink(
        self, account: Account, device: LinkedDevice, *, by_itself: bool
    ) -> None:
        """Remove a device: on the phone's list, or because it logged out by itself."""
        self.accounts.unlink(account, device)
        self.router.forget(device)
        where = {"number": device.number, "device": device.device}
        self.events.add("unlinked", **where, by_itself=by_itself)
        companion = self.online.get(device.number, device.device)
        if companion is not None and not by_itself:
            conflict = Node("conflict", {"type": "device_removed"})
            companion.throw_out(Node("stream:error", {"code": "401"}, [conflict]))
        self.router.announce_devices(account)

    def is_muted(self, number: str, device: int, what: str) -> bool:
        fault = self.faults.find("mute", number, device, self._now())
        return fault is not None and fault["what"] in (what, "all")

    def take_fault(
        self, kind: str, number: str = "", device: int = 0
    ) -> dict[str, Any] | None:
        return self.faults.take(kind, number, device, self._now())

    def fault_seconds(self, kind: str, number: str, device: int) -> float:
        return self.faults.seconds_left(kind, number, device, self._now())

    def ack_delay(self, number: str, device: int) -> float:
        fault = self.faults.find("late_acks", number, device, self._now())
        return float(fault["seconds"]) if fault else 0.0

    def pause_seconds(self, step: str, number: str, device: int) -> float:
        fault = self.faults.find(f"pause_{step}", number, device, self._now())
        return float(fault["seconds"]) if fault else 0.0

    def accepts_connections(self) -> bool:
        return self.faults.find("refuse_connections", "", 0, self._now()) is None

    def breaks_connections(self) -> str:
        """How connections fail at this moment, "" if they do not."""
        fault = self.faults.find("break_connections", "", 0, self._now())
        return str(fault["how"]) if fault else ""

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def run(directory: Path, port: int = 0, control_port: int = 0) -> None:
    """Serve until SIGTERM or SIGINT. Raises guards.Refused with a sentence.

    Port 0 takes the port of the last run if it is free, so that clients find a
    restarted sandbox, else any free one.
    """
    guards.check_environment(os.environ)
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    guards.check_directory(directory)
    with guards.locked(directory):
        asyncio.run(_serve(directory, port, control_port))


async def _serve(directory: Path, port: int, control_port: int) -> None:
    keyring = Keyring.open(directory)
    storage = Storage(directory / ACCOUNTS_FILE)
    sandbox = Sandbox(keyring, storage)
    last = _last_ports(directory)
    listener = guards.listen_again(listen, port, last.get("proxy"))
    control_listener = guards.listen_again(listen, control_port, last.get("control"))
    context = keyring.authority.server_context(datetime.now(UTC))
    proxy = Proxy(listener, context, sandbox)
    control = ControlServer(control_listener, sandbox)
    _describe(directory, keyring, listener, control_listener)
    try:
        await _until_stopped(proxy.serve(), control.serve(), _flush(storage))
    finally:
        await proxy.close()
        storage.close()


async def _until_stopped(*services: Coroutine[Any, Any, None]) -> None:
    """Run the services until SIGTERM or SIGINT; raises what ends one of them."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(service) for service in services]
    stopped: asyncio.Task[Any] = asyncio.create_task(stop.wait())
    done, running = await asyncio.wait(
        [stopped, *tasks], return_when=asyncio.FIRST_COMPLETED
    )
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done:
        task.result()


async def _flush(storage: Storage) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            storage.flush()
        except sqlite3.Error:
            logger.exception("Cannot write what waited, it is lost on a restart")


def _last_ports(directory: Path) -> dict[str, int]:
    try:
        description = json.loads((directory / DESCRIPTION_FILE).read_text("utf-8"))
        return {
            name: int(str(description[name]).rpartition(":")[2])
            for name in ("proxy", "control")
        }
    except (OSError, ValueError, KeyError):
        return {}


def _describe(
    directory: Path, keyring: Keyring, proxy: socket.socket, control: socket.socket
) -> None:
    description = {
        "pid": os.getpid(),
        "proxy": f"http://127.0.0.1:{proxy.getsockname()[1]}",
        "websocket": f"ws://127.0.0.1:{proxy.getsockname()[1]}{PLAIN_PATH}",
        "ca_file": str(keyring.ca_file),
        "root_key": keyring.root.public.hex(),
        "control": f"http://127.0.0.1:{control.getsockname()[1]}",
        "token": keyring.token,
    }
    write_private(directory / DESCRIPTION_FILE, json.dumps(description, indent=2))
    logger.info(
        "Sandbox is ready proxy=%s control=%s",
        description["proxy"],
        description["control"],
    )
