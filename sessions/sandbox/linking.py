"""After the scan: the phone's signature, the client's, and the 515 that restarts it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessions.sandbox import protobuf
from sessions.sandbox.accounts import Account, Device
from sessions.sandbox.jids import LID_SERVER, PHONE_SERVER, SERVER_JID
from sessions.sandbox.nodes import Node

if TYPE_CHECKING:
    from sessions.sandbox.connection import Connection
    from sessions.sandbox.server import Sandbox

ACCOUNT_SIGNATURE_PREFIX = b"\x06\x00"


class Linking:
    """One scanned code. The device is linked when the client has confirmed."""

    def __init__(
        self,
        sandbox: Sandbox,
        connection: Connection,
        account: Account,
        device: Device,
        spoiled: str = "",
    ) -> None:
        """`spoiled`: what is wrong with the phone's signature, see SPOILED_SCANS."""
        self._sandbox = sandbox
        self._connection = connection
        self._account = account
        self._device = device
        self._spoiled = spoiled
        self._is_confirmed = False
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, adv_secret: bytes) -> None:
        """Answer the scan; `adv_secret` is the one in the code."""
        self._note("scanned")
        self._do(self._send_success(adv_secret))

    def take_answer(self, stanza: Node) -> None:
        """The client confirms with its signature, or tells why it will not."""
        if stanza.get("id") != self._request_id or self._is_confirmed:
            return
        if stanza.get("type") != "result" or stanza.find("pair-device-sign") is None:
            error = stanza.find("error")
            reason = error.get("text") if error else "no signature"
            self._note("pairing_failed", reason=reason)
            return
        self._is_confirmed = True
        self._device.paired_at = time.time()
        self._sandbox.accounts.link(self._account, self._device)
        self._sandbox.events.statistics.pairings += 1
        self._note("paired")
        self._sandbox.router.announce_devices(self._account)
        self._do(self._restart_client())

    @property
    def _request_id(self) -> str:
        return f"{self._connection.id}-success"

    async def _send_success(self, adv_secret: bytes) -> None:
        await self._pause("scanned")
        account, device = self._account, self._device
        parts = [
            Node("device-identity", {}, self._identity(adv_secret)),
            Node(
                "device",
                {
                    "jid": account.jid(PHONE_SERVER, device.device),
                    "lid": account.jid(LID_SERVER, device.device),
                },
            ),
            Node("platform", {"name": "android"}),
        ]
        attributes = {"id": self._request_id, "type": "set", "xmlns": "md"}
        attributes["t"] = str(int(time.time()))
        stanza = Node("iq", {**attributes, "from": SERVER_JID})
        stanza.content = [Node("pair-success", {}, parts)]
        self._connection.send(stanza)

    def _identity(self, adv_secret: bytes) -> bytes:
        device = self._device
        if self._spoiled == "bad_signature":
            device = replace(device, identity=bytes(len(device.identity)))
        if self._spoiled == "bad_seal":
            adv_secret = bytes(len(adv_secret))
        return _identity(self._account, device, adv_secret)

    async def _restart_client(self) -> None:
        await self._pause("pair_success")
        await self._pause("before_515")
        self._connection.send(Node("stream:error", {"code": "515"}))
        await self._pause("after_515")
        self._connection.close(self._sandbox.settings.pause_after_515_ms / 1000)

    async def _pause(self, step: str) -> None:
        device = self._device
        seconds = self._sandbox.pause_seconds(step, device.number, device.device)
        await asyncio.sleep(seconds)

    def _note(self, kind: str, **fields: str) -> None:
        where = {"connection": self._connection.id, "number": self._device.number}
        self._sandbox.events.add(kind, **where, device=self._device.device, **fields)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _identity(account: Account, device: Device, adv_secret: bytes) -> bytes:
    """An ADVSignedDeviceIdentityHMAC: the account's signature under the new device,
    sealed with the secret that only the QR code told the phone."""
    details = protobuf.encode(
        [(1, account.raw_id), (2, int(time.time())), (3, device.key_index)]
    )
    message = ACCOUNT_SIGNATURE_PREFIX + details + device.identity
    signature = account.identity.sign(message)
    signed = protobuf.encode(
        [(1, details), (2, account.identity.public), (3, signature)]
    )
    seal = hmac.new(adv_secret, signed, hashlib.sha256).digest()
    return protobuf.encode([(1, signed), (2, seal)])
