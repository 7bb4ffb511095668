"""A linked device that was let in, until its connection ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.sandbox import queries
from sessions.sandbox.accounts import Account, LinkedDevice
from sessions.sandbox.connection import FAREWELL_SECONDS
from sessions.sandbox.jids import SERVER_JID
from sessions.sandbox.nodes import Node

if TYPE_CHECKING:
    from sessions.sandbox.connection import Connection
    from sessions.sandbox.server import Sandbox


class Companion:
    """One login of one device."""

    def __init__(
        self,
        sandbox: Sandbox,
        connection: Connection,
        account: Account,
        device: LinkedDevice,
    ) -> None:
        self.sandbox = sandbox
        self.connection = connection
        self.account = account
        self.device = device
        self.is_active = False
        self._sent: set[int] = set()

    @property
    def key(self) -> tuple[str, int]:
        return self.device.number, self.device.device

    @property
    def hears_nothing(self) -> bool:
        return self.sandbox.is_muted(*self.key, "all")

    def handle(self, stanza: Node) -> None:
        """Take a stanza of the device. Raises NodeError if it is malformed."""
        if self.hears_nothing:
            return
        if stanza.tag == "iq":
            queries.answer(self, stanza)
        elif stanza.tag == "message":
            self.sandbox.router.take_message(self, stanza)
        elif stanza.tag == "receipt":
            self.sandbox.router.take_receipt(self, stanza)
        elif stanza.tag == "ack":
            self.sandbox.router.take_ack(self, stanza)
        elif stanza.tag == "presence":
            self.note("presence", type=stanza.get("type"))

    def send(self, stanza: Node) -> None:
        """Send to the device unless a fault keeps everything from it."""
        if not self.hears_nothing:
            self.connection.send(stanza)

    def become_active(self) -> None:
        """The device wants its traffic now: deliver what waited for it."""
        self.is_active = True
        self.note("active")
        count = str(len(self.device.queue))
        if self.device.queue:
            preview = Node("offline_preview", {"count": count, "message": count})
            self.send(Node("ib", {"from": SERVER_JID}, [preview]))
        self.send_queue()
        offline = Node("offline", {"count": count})
        self.send(Node("ib", {"from": SERVER_JID}, [offline]))

    def send_queue(self) -> None:
        """Send what is queued and was not sent on this connection."""
        for sequence, stanza in list(self.device.queue.items()):
            self.send_queued(sequence, stanza)

    def send_queued(self, sequence: int, stanza: bytes) -> None:
        if self.is_active and sequence not in self._sent and not self.hears_nothing:
            self._sent.add(sequence)
            self.connection.send_encoded(stanza)

    def forget_sent(self, sequence: int) -> None:
        self._sent.discard(sequence)

    def throw_out(self, stream_error: Node, linger: float = FAREWELL_SECONDS) -> None:
        """Tell the device why and close its connection `linger` seconds later."""
        self.connection.say_farewell(stream_error, linger)

    def note(self, kind: str, **fields: Any) -> None:
        number, device = self.key
        where = {"connection": self.connection.id, "number": number, "device": device}
        self.sandbox.events.add(kind, **where, **fields)
