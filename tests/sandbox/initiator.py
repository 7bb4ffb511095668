"""A client of our own: the other half of the handshake, and stanzas by hand."""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request

from sessions.sandbox import protobuf
from sessions.sandbox.certificates import HOST
from sessions.sandbox.connection import HEADER
from sessions.sandbox.keys import SIGNAL_TYPE, KeyPair
from sessions.sandbox.nodes import Node, decode, encode
from sessions.sandbox.noise import SymmetricState, Transport


@dataclass
class Initiator:
    """The client's side of one Noise handshake."""

    static: KeyPair = field(default_factory=KeyPair.generate)
    ephemeral: KeyPair = field(default_factory=KeyPair.generate)
    state: SymmetricState = field(default_factory=lambda: SymmetricState(HEADER))
    server_static: bytes = b""
    certificate: bytes = b""

    def hello(self) -> bytes:
        self.state.authenticate(self.ephemeral.public)
        parts = protobuf.encode([(1, self.ephemeral.public)])
        return protobuf.encode([(2, parts)])

    def finish(self, answer: bytes, payload: bytes) -> bytes:
        parts = protobuf.decode(answer).message(3)
        server_ephemeral = parts.bytes(1)
        self.state.authenticate(server_ephemeral)
        self.state.mix_key(self.ephemeral.agree(server_ephemeral))
        self.server_static = self.state.decrypt(parts.bytes(2))
        self.state.mix_key(self.ephemeral.agree(self.server_static))
        self.certificate = self.state.decrypt(parts.bytes(3))
        static = self.state.encrypt(self.static.public)
        self.state.mix_key(self.static.agree(server_ephemeral))
        sealed = self.state.encrypt(payload)
        return protobuf.encode([(4, protobuf.encode([(1, static), (2, sealed)]))])

    def transport(self) -> Transport:
        client_key, server_key = self.state.split()
        return Transport(write_key=client_key, read_key=server_key)


class RawClient:
    """One connection; each step can be taken alone, or wrongly."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._description = description
        self._websocket = WSConnection(ConnectionType.CLIENT)
        self._buffer = bytearray()
        self.transport: Transport | None = None

    async def connect_plainly(self) -> None:
        """As a client that was given the sandbox's address: no tunnel, no TLS."""
        address = urlsplit(self._description["websocket"])
        self.reader, self.writer = await asyncio.open_connection(
            address.hostname, address.port
        )

    async def connect(self, target: str = f"{HOST}:443") -> bytes:
        """Ask the proxy for a tunnel; gives its answer."""
        await self.connect_plainly()
        self.writer.write(
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
        )
        return await self.reader.readuntil(b"\r\n\r\n")

    async def start_tls(self) -> None:
        context = ssl.create_default_context(cafile=self._description["ca_file"])
        await self.writer.start_tls(context, server_hostname=HOST)

    async def open_websocket(self) -> None:
        self.writer.write(self._websocket.send(Request(host=HOST, target="/ws/chat")))
        await self._receive()

    async def reach_handshake(self) -> None:
        await self.connect()
        await self.start_tls()
        await self.open_websocket()

    async def shake_hands(self, initiator: Initiator, payload: bytes) -> None:
        await self.reach_handshake()
        await self.begin(initiator, payload)

    async def begin(self, initiator: Initiator, payload: bytes) -> None:
        """The handshake on an open WebSocket."""
        self.write(HEADER + frame(initiator.hello()))
        answer = await self.read_frame()
        self.write(frame(initiator.finish(answer, payload)))
        self.transport = initiator.transport()

    def write(self, data: bytes) -> None:
        self.writer.write(self._websocket.send(BytesMessage(data=data)))

    def send(self, stanza: Node) -> None:
        self.writer.write(self.sealed(stanza))

    def sealed(self, stanza: Node) -> bytes:
        """What `send` writes."""
        assert self.transport is not None
        body = frame(self.transport.seal(encode(stanza)))
        return bytes(self._websocket.send(BytesMessage(data=body)))

    def goodbye(self) -> bytes:
        """What ends the WebSocket politely."""
        return bytes(self._websocket.send(CloseConnection(code=1000)))

    async def read_frame(self) -> bytes:
        size = int.from_bytes(await self._read(3), "big")
        return await self._read(size)

    async def receive(self) -> Node:
        assert self.transport is not None
        return decode(self.transport.open(await self.read_frame()))

    async def receive_tag(self, tag: str) -> Node:
        while (stanza := await self.receive()).tag != tag:
            pass
        return stanza

    async def ask(self, xmlns: str, kind: str = "get", *children: Node) -> Node:
        """Send an <iq> and wait for its answer."""
        attributes = {"id": f"q-{xmlns}", "xmlns": xmlns, "type": kind}
        self.send(Node("iq", {**attributes}, list(children)))
        while True:
            stanza = await self.receive_tag("iq")
            if stanza.get("id") == attributes["id"]:
                return stanza

    async def wait_closed(self) -> None:
        """Until the server has closed the connection."""
        while await self.reader.read(65536):
            pass

    def close(self) -> None:
        self.writer.transport.abort()

    async def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def _receive(self) -> None:
        data = await self.reader.read(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self._websocket.receive_data(data)
        for event in self._websocket.events():
            if isinstance(event, BytesMessage):
                self._buffer += event.data
            elif not isinstance(event, AcceptConnection):
                raise ConnectionError(str(event))


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + body


def login_payload(number: str, device: int) -> bytes:
    return protobuf.encode([(1, int(number)), (18, device)])


@dataclass
class Identity:
    """The keys of a made-up companion; pairs and logs in by hand."""

    identity: KeyPair = field(default_factory=KeyPair.generate)
    signed_prekey: KeyPair = field(default_factory=KeyPair.generate)
    noise: KeyPair = field(default_factory=KeyPair.generate)

    def pairing_payload(self) -> bytes:
        signature = self.identity.sign(SIGNAL_TYPE + self.signed_prekey.public)
        props = protobuf.encode([(1, "Made up"), (3, 1)])
        keys = protobuf.encode(
            [
                (1, b"\x00\x00\x00\x07"),
                (2, SIGNAL_TYPE),
                (3, self.identity.public),
                (4, b"\x00\x00\x01"),
                (5, self.signed_prekey.public),
                (6, signature),
                (8, props),
            ]
        )
        return protobuf.encode([(19, keys)])

    async def show_code(self, client: RawClient) -> str:
        """Connect to pair; gives the text of the first code."""
        await client.shake_hands(Initiator(static=self.noise), self.pairing_payload())
        stanza = await client.receive_tag("iq")
        ref = stanza.find("pair-device", "ref")
        assert ref is not None
        keys = self.noise.public, self.identity.public, bytes(32)
        texts = [base64.b64encode(key).decode() for key in keys]
        return ",".join([ref.payload.decode(), *texts])

    async def confirm(self, client: RawClient) -> Node:
        """Answer pair-success; gives it."""
        stanza = await client.receive_tag("iq")
        sign = Node("pair-device-sign", {}, [Node("device-identity", {}, b"x")])
        answer = {"id": stanza.get("id"), "type": "result"}
        client.send(Node("iq", {**answer}, [sign]))
        return stanza

    async def log_in(self, client: RawClient, number: str, device: int) -> Node:
        """Log in and become active; gives <success> or <failure>."""
        payload = login_payload(number, device)
        await client.shake_hands(Initiator(static=self.noise), payload)
        return await client.receive()
