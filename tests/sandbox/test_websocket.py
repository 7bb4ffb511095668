"""The WebSocket of one client."""

from __future__ import annotations

import asyncio

from sessions.sandbox.jids import SERVER_JID, Jid
from sessions.sandbox.nodes import Node
from sessions.sandbox.websocket import WebSocket
from tests.processes import wait_until
from tests.sandbox.clients import device_of
from tests.sandbox.made_up_devices import online


class GoneTransport:
    """As asyncio's TLS transport after the peer closed it: there is no socket."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class GoneWriter:
    def __init__(self) -> None:
        self.transport = GoneTransport()

    def get_extra_info(self, name: str) -> None:
        return None


async def test_a_connection_that_its_peer_closed_can_be_reset():
    writer = GoneWriter()
    WebSocket(asyncio.StreamReader(), writer).reset()
    assert writer.transport.aborted


async def test_what_a_peer_sends_in_its_last_breath_is_read(sandbox, connect, number):
    """A logout and the end of the connection may come in one piece."""
    client = await online(sandbox, connect, number)
    jid = Jid(number, device=1)
    removal = Node("remove-companion-device", {"jid": jid, "reason": "user_initiated"})
    attributes = {"id": "bye", "xmlns": "md", "type": "set", "to": SERVER_JID}
    stanza = client.sealed(Node("iq", {**attributes}, [removal]))
    client.writer.write(stanza + client.goodbye())
    wait_until(lambda: device_of(sandbox, str(jid)) is None, "the removal", 5)
