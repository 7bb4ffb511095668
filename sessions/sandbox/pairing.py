"""A client that shows QR codes and waits for a phone to scan one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NoReturn

from sessions.sandbox.accounts import (
    MAX_LINKED_DEVICES,
    Account,
    Device,
    Registration,
)
from sessions.sandbox.codes import Code, Ref, ScanError, make_refs
from sessions.sandbox.jids import SERVER_JID, Jid
from sessions.sandbox.linking import Linking
from sessions.sandbox.login import failure
from sessions.sandbox.nodes import Node, NodeError
from sessions.sandbox.protobuf import Message

if TYPE_CHECKING:
    from sessions.sandbox.connection import Connection
    from sessions.sandbox.server import Sandbox

# Fields of DevicePairingRegistrationData; 2 is the type of the keys.
REGISTRATION_ID, IDENTITY, SKEY_ID, SKEY_VALUE, SKEY_SIGNATURE = 1, 3, 4, 5, 6
DEVICE_PROPS = 8
PROPS_OS, PROPS_PLATFORM = 1, 3

# What the server sends to the client, and what the phone shows its owner.
SCANS_THAT_END = {
    "no_multidevice": (
        Node("ib", {}, [Node("downgrade_webclient")]),
        "WhatsApp on this phone is too old; update it and scan again.",
    ),
    "passkey": (
        Node(
            "notification",
            {"type": "passkey_prologue_request"},
            [Node("passkey_request_options", {}, b'{"rpId": "whatsapp.com"}')],
        ),
        "This account wants a passkey before it links a device.",
    ),
}

PLATFORMS = ("unknown", "chrome", "firefox", "ie", "opera", "safari", "edge", "desktop")


class Pairing:
    """From the first code to the scan; a Linking does the rest."""

    def __init__(
        self, sandbox: Sandbox, connection: Connection, asked: Message
    ) -> None:
        """Raises NodeError if the client's keys are not proper."""
        self.id = connection.id
        self.since = time.time()
        self._sandbox = sandbox
        self._connection = connection
        self._keys = Registration(
            registration=asked.bytes(REGISTRATION_ID),
            identity=asked.bytes(IDENTITY),
            skey_id=asked.bytes(SKEY_ID),
            skey_value=asked.bytes(SKEY_VALUE),
            skey_signature=asked.bytes(SKEY_SIGNATURE),
        )
        if not self._keys.is_proper:
            raise NodeError("the keys of a pairing are not proper")
        props = asked.message(DEVICE_PROPS)
        self.device_name = props.text(PROPS_OS) or "unknown"
        kind = props.integer(PROPS_PLATFORM)
        self._platform = PLATFORMS[kind] if kind < len(PLATFORMS) else f"type {kind}"
        self._refs: list[Ref] = []
        self._linking: Linking | None = None
        self._window: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        settings = self._sandbox.settings
        loop = asyncio.get_running_loop()
        events = self._sandbox.events
        events.add("pairing_started", connection=self.id, name=self.device_name)
        fault = self._sandbox.take_fault("refuse_pairing")
        if fault is not None:
            events.add("pairing_refused", connection=self.id, reason=fault["code"])
            self._connection.say_farewell(failure(fault))
            return
        self._refs = list(make_refs(settings.refs, loop.time()))
        refs = [Node("ref", {}, ref.text.encode()) for ref in self._refs]
        attributes = {"id": f"{self.id}-refs", "type": "set", "xmlns": "md"}
        stanza = Node("iq", {**attributes, "from": SERVER_JID})
        stanza.content = [Node("pair-device", {}, refs)]
        self._connection.send(stanza)
        events.add("qr_refs_sent", connection=self.id, refs=len(refs))
        window = settings.qr_window_seconds
        self._window = loop.call_later(window, self._close_if_unscanned)

    async def handle(self, stanza: Node) -> None:
        if stanza.tag != "iq":
            return
        if stanza.get("type") == "get" and stanza.get("xmlns") == "w:p":
            attributes = {"type": "result", "id": stanza.get("id")}
            self._connection.send(Node("iq", {**attributes, "from": SERVER_JID}))
        elif self._linking is not None:
            self._linking.take_answer(stanza)

    def ended(self) -> None:
        if self._window is not None:
            self._window.cancel()

    @property
    def refs_left(self) -> int:
        """Codes that the client has still to show, with the one it shows."""
        if self._linking is not None:
            return 0
        now = asyncio.get_running_loop().time()
        return sum(ref.hidden_at > now for ref in self._refs)

    def owns(self, code: Code) -> bool:
        return any(ref.text == code.ref for ref in self._refs)

    def check(self, code: Code, account: Account | None) -> None:
        """Raises ScanError if this phone cannot link the device by this code."""
        if self._linking is not None:
            raise ScanError("This code was already used.")
        now = asyncio.get_running_loop().time()
        if not any(r.text == code.ref and r.expires_at > now for r in self._refs):
            raise ScanError("This code is unknown or has expired.")
        own_keys = self._connection.static_key, self._keys.identity
        if (code.noise_key, code.identity) != own_keys:
            raise ScanError("This code is damaged.")
        if account is not None and len(account.devices) >= MAX_LINKED_DEVICES:
            raise ScanError("Four devices are linked already; remove one first.")

    def scan(self, code: Code, account: Account) -> Jid:
        """The phone scans a code that was checked; gives the new device's address.

        Raises ScanError if a fault keeps this phone from linking.
        """
        fault = self._sandbox.take_fault("spoil_scan", account.number)
        spoiled = str(fault["how"]) if fault else ""
        if spoiled in SCANS_THAT_END:
            self._end_scan(account, spoiled)
        number = self._sandbox.accounts.next_device(account)
        device = Device(
            number=account.number,
            device=number,
            noise_key=self._connection.static_key,
            identity=self._keys.identity,
            registration=self._keys.registration,
            skey_id=self._keys.skey_id,
            skey_value=self._keys.skey_value,
            skey_signature=self._keys.skey_signature,
            key_index=number,
            name=self.device_name,
            platform=self._platform,
            paired_at=time.time(),
        )
        self._linking = Linking(
            self._sandbox, self._connection, account, device, spoiled
        )
        self._linking.begin(code.adv_secret)
        return device.jid

    def _end_scan(self, account: Account, why: str) -> NoReturn:
        """The server tells the client why this phone cannot link it."""
        stanza, sentence = SCANS_THAT_END[why]
        attributes = {**stanza.attributes, "from": SERVER_JID}
        attributes["id"] = f"{self.id}-{why}"
        self._connection.send(Node(stanza.tag, attributes, stanza.content))
        number = account.number
        self._sandbox.events.add(f"scan_{why}", connection=self.id, number=number)
        raise ScanError(sentence)

    def _close_if_unscanned(self) -> None:
        if self._linking is None:
            self._sandbox.events.add("qr_window_ended", connection=self.id)
            self._connection.close()
