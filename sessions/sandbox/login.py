"""A device that knocks: let in, refused, or kept waiting."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sessions.sandbox.accounts import LinkedDevice
from sessions.sandbox.companion import Companion
from sessions.sandbox.jids import LID_SERVER
from sessions.sandbox.nodes import Node

if TYPE_CHECKING:
    from sessions.sandbox.connection import Connection
    from sessions.sandbox.server import Sandbox

LOGGED_OUT = "401"
# Names in a fault, and the attributes of <failure> that carry them.
FAILURE_ATTRIBUTES = {"code": "reason", "ban_code": "code", "expire": "expire"}


def failure(fault: dict[str, Any]) -> Node:
    """The stanza that refuses a client with the code of a fault."""
    attributes = {
        attribute: str(fault[name])
        for name, attribute in FAILURE_ATTRIBUTES.items()
        if fault.get(name) is not None
    }
    return Node("failure", {**attributes, "location": "sandbox"})


class Login:
    """One attempt to log in; passes everything on to the companion it becomes."""

    def __init__(
        self, sandbox: Sandbox, connection: Connection, number: str, device: int
    ) -> None:
        self._sandbox = sandbox
        self._connection = connection
        self._number = number
        self._device = device
        self._companion: Companion | None = None

    async def start(self) -> None:
        self._note("login")
        fault = self._sandbox.take_fault("refuse_login", self._number, self._device)
        if fault is not None:
            self._refuse(failure(fault))
            return
        if self._find() is not None:
            await asyncio.sleep(
                self._sandbox.fault_seconds("no_success", self._number, self._device)
            )
        if not self._connection.is_alive:
            return
        # Looked up again, because the device may have been unlinked meanwhile.
        device = self._find()
        account = self._sandbox.accounts.get(self._number)
        if device is None or account is None:
            self._refuse(failure({"code": LOGGED_OUT}))
            return
        companion = Companion(self._sandbox, self._connection, account, device)
        self._succeed(companion)
        self._companion = companion
        self._sandbox.online.enter(companion)

    async def handle(self, stanza: Node) -> None:
        if self._companion is not None:
            self._companion.handle(stanza)

    def ended(self) -> None:
        if self._companion is not None:
            self._sandbox.online.leave(self._companion)

    def _find(self) -> LinkedDevice | None:
        """The device, if it is linked and this is its Noise key."""
        device = self._sandbox.accounts.device(self._number, self._device)
        if device is None or device.noise_key != self._connection.static_key:
            return None
        return device

    def _refuse(self, refusal: Node) -> None:
        self._note("login_refused", reason=refusal.get("reason"))
        self._connection.say_farewell(refusal)

    def _succeed(self, companion: Companion) -> None:
        now = str(int(time.time()))
        lid = companion.account.jid(LID_SERVER, self._device)
        self._connection.send(
            Node(
                "success",
                {"t": now, "props": "1", "location": "sandbox", "lid": lid},
            )
        )
        companion.note("success_sent")

    def _note(self, kind: str, **fields: str) -> None:
        where = {"connection": self._connection.id, "number": self._number}
        self._sandbox.events.add(kind, **where, device=self._device, **fields)
