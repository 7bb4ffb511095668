"""Messages, receipts and notifications on their way from device to device."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

from sessions.sandbox.accounts import Account, LinkedDevice
from sessions.sandbox.jids import LID_SERVER, PHONE_SERVER, Jid
from sessions.sandbox.nodes import Attribute, Node, decode, encode

if TYPE_CHECKING:
    from sessions.sandbox.companion import Companion
    from sessions.sandbox.server import Sandbox

USER_SERVERS = (PHONE_SERVER, LID_SERVER)
# Receipts to a whole chat, which all the peer's devices get; others go to one device.
CHAT_RECEIPTS = frozenset({"read", "read-self", "played", "played-self"})
# Receipts about our own account's copies: nobody else waits for them.
OWN_RECEIPTS = frozenset({"sender", "peer_msg", "hist_sync"})


Key = tuple[str, str, str, str]


class Router:
    """Delivers stanzas; one that must not get lost stays queued until acknowledged."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._notifications = itertools.count(1)
        # (number, device, what the acknowledgement names) -> sequence in the queue
        self._unacknowledged: dict[tuple[str, int, Key], int] = {}
        for account in sandbox.accounts.all():
            for device in account.devices.values():
                for sequence, stanza in device.queue.items():
                    where = device.number, device.device, _key(decode(stanza), "from")
                    self._unacknowledged[where] = sequence

    def take_message(self, sender: Companion, message: Node) -> None:
        """Acknowledge a message and bring each part to its device."""
        to = message.jid("to")
        identifier = message.get("id")
        self._sandbox.events.statistics.messages += 1
        parts = [part.tag for part in message.nodes]
        sender.note("message", message_id=identifier, to=str(to), parts=parts)
        attributes: dict[str, Attribute] = {"class": "message", "id": identifier}
        if to is not None:
            attributes["from"] = to
        attributes["t"] = _now()
        refusal = self._sandbox.take_fault("answer_messages", *sender.key)
        if refusal is not None:
            attributes["error"] = str(refusal["code"])
        self._acknowledge(sender, Node("ack", attributes))
        if refusal is not None or to is None or to.server not in USER_SERVERS:
            return
        participants = message.find("participants")
        if participants is None:  # a retry, or a message to our own phone
            enc = message.find("enc")
            if enc is not None:
                self._pass_on(sender, message, to, to, enc)
            return
        for part in participants.find_all("to"):
            jid, enc = part.jid("jid"), part.find("enc")
            if jid is not None and enc is not None:
                self._pass_on(sender, message, to, jid, enc)

    def take_receipt(self, sender: Companion, receipt: Node) -> None:
        """Acknowledge a receipt and bring it to whom it is for."""
        to, kind = receipt.jid("to"), receipt.get("type")
        sender.note("receipt", message_id=receipt.get("id"), type=kind)
        attributes: dict[str, Attribute] = {"class": "receipt", "id": receipt.get("id")}
        attributes |= {
            name: receipt.attributes[name]
            for name in ("type", "participant")
            if name in receipt.attributes
        }
        if to is not None:
            attributes["from"] = to
        sender.send(Node("ack", attributes | {"t": _now()}))
        if to is None or to.server not in USER_SERVERS:
            return
        # A receipt of a message also says that the message has arrived.
        self._delivered(sender, ("message", receipt.get("id"), str(to), ""))
        if kind in OWN_RECEIPTS:
            return
        account = self._sandbox.accounts.find(to)
        if account is None:
            return
        origin = sender.account.jid(to.server, sender.device.device)
        passed = {
            name: value for name, value in receipt.attributes.items() if name != "to"
        }
        attributes = {**passed, "from": origin, "t": _now()}
        for device in list(account.devices.values()):
            if device.device == to.device or (kind in CHAT_RECEIPTS and not to.device):
                self._deliver(device, Node("receipt", attributes, receipt.content))

    def take_ack(self, sender: Companion, ack: Node) -> None:
        """The device has what was sent to it."""
        sender.note("ack", message_id=ack.get("id"), of=ack.get("class"))
        acknowledged = Node(ack.get("class") or "ack", ack.attributes)
        self._delivered(sender, _key(acknowledged, "to"))

    def forget(self, device: LinkedDevice) -> None:
        """The device is gone; nothing waits for its acknowledgements."""
        owner = device.number, device.device
        gone = [where for where in self._unacknowledged if where[:2] == owner]
        for where in gone:
            del self._unacknowledged[where]

    def notify(
        self, device: LinkedDevice, kind: str, origin: Jid, content: list[Node]
    ) -> None:
        number = f"n{self._sandbox.started_at}-{next(self._notifications)}"
        attributes = {"id": number, "type": kind, "t": _now()}
        stanza = Node("notification", {**attributes, "from": origin}, content)
        self._deliver(device, stanza)

    def announce_devices(self, account: Account) -> None:
        """Tell everybody who asked for them that the account's devices changed."""
        for number in account.watchers | {account.number}:
            watcher = self._sandbox.accounts.get(number)
            for device in list(watcher.devices.values()) if watcher else ():
                for server in USER_SERVERS:
                    update = [Node("update", {"hash": "changed"})]
                    self.notify(device, "devices", account.jid(server), update)

    def _pass_on(
        self, sender: Companion, message: Node, chat: Jid, to: Jid, enc: Node
    ) -> None:
        account = self._sandbox.accounts.find(to)
        if account is None:
            return
        if to.device == 0:
            self._answer_as_phone(sender, message, chat, to, account)
            return
        device = account.devices.get(to.device)
        if device is None:
            return
        attributes = self._envelope(sender, message, chat, account)
        spoil = self._sandbox.take_fault("spoil_messages", account.number, to.device)
        if spoil is not None:
            enc = Node(enc.tag, enc.attributes, _spoiled(enc.payload))
        content = [enc]
        identity = message.find("device-identity")
        if identity is not None and enc.get("type") == "pkmsg":
            content.append(identity)
        self._deliver(device, Node("message", attributes, content))

    def _envelope(
        self, sender: Companion, message: Node, chat: Jid, to: Account
    ) -> dict[str, Attribute]:
        server = chat.server
        attributes: dict[str, Attribute] = {
            "id": message.get("id"),
            "type": message.get("type", "text"),
            "from": sender.account.jid(server, sender.device.device),
            "t": _now(),
            "notify": sender.account.name,
        }
        other = PHONE_SERVER if server == LID_SERVER else LID_SERVER
        suffix = "pn" if server == LID_SERVER else "lid"
        if to is sender.account:
            peer = self._sandbox.accounts.find(chat)
            attributes["recipient"] = chat.bare
            if peer is not None:
                attributes[f"peer_recipient_{suffix}"] = peer.jid(other)
        else:
            attributes[f"sender_{suffix}"] = sender.account.jid(other)
        for name in ("edit", "category"):
            if name in message.attributes:
                attributes[name] = message.attributes[name]
        return attributes

    def _answer_as_phone(
        self, sender: Companion, message: Node, chat: Jid, to: Jid, account: Account
    ) -> None:
        """The simulated phone reads nothing; it confirms that it got the message."""
        attributes: dict[str, Attribute] = {
            "id": message.get("id"),
            "from": account.jid(to.server),
            "t": _now(),
        }
        if account is sender.account:
            is_peer = message.get("category") == "peer"
            attributes["type"] = "peer_msg" if is_peer else "sender"
            attributes["recipient"] = chat.bare
        self._deliver(sender.device, Node("receipt", attributes))

    def _acknowledge(self, sender: Companion, ack: Node) -> None:
        delay = self._sandbox.ack_delay(*sender.key)
        if delay:
            asyncio.get_running_loop().call_later(delay, sender.send, ack)
        else:
            sender.send(ack)

    def _deliver(self, device: LinkedDevice, stanza: Node) -> None:
        encoded = encode(stanza)
        sequence = self._sandbox.accounts.enqueue(device, encoded)
        where = device.number, device.device, _key(stanza, "from")
        earlier = self._unacknowledged.get(where)
        if earlier is not None:
            self._sandbox.accounts.dequeue(device, earlier)
        self._unacknowledged[where] = sequence
        companion = self._sandbox.online.get(device.number, device.device)
        if companion is not None:
            companion.send_queued(sequence, encoded)

    def _delivered(self, companion: Companion, key: Key) -> None:
        where = *companion.key, key
        sequence = self._unacknowledged.pop(where, None)
        if sequence is not None:
            self._sandbox.accounts.dequeue(companion.device, sequence)
            companion.forget_sent(sequence)


def _key(stanza: Node, peer: str) -> Key:
    """Class, id, peer and type; an acknowledgement of a message names no type."""
    kind = "" if stanza.tag == "message" else stanza.get("type")
    return stanza.tag, stanza.get("id"), stanza.get(peer), kind


def _spoiled(sealed: bytes) -> bytes:
    """A ciphertext whose seal does not fit any more."""
    return sealed[:-1] + bytes((sealed[-1] ^ 1,)) if sealed else b""


def _now() -> str:
    return str(int(time.time()))
