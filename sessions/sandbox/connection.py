"""One client's connection: frames, the Noise handshake, then stanzas."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import TYPE_CHECKING, Protocol

from sessions.sandbox import nodes, tokens
from sessions.sandbox.nodes import Node, NodeError
from sessions.sandbox.noise import NoiseError, Responder, Transport
from sessions.sandbox.protobuf import ProtobufError
from sessions.sandbox.websocket import PeerClosed, WebSocket

if TYPE_CHECKING:
    from sessions.sandbox.server import Sandbox

logger = logging.getLogger(__name__)

HEADER = b"WA\x06" + bytes((tokens.VERSION,))
ROUTING_PREFIX = b"ED\x00\x01"
HANDSHAKE_SECONDS = 20.0
MAX_FRAME = 2 << 20  # far above the largest honest one, an upload of 812 prekeys
MAX_HANDSHAKE_FRAME = 1 << 16
# Baileys switches to the transport keys one turn of its loop after it has sent the end
# of the handshake; it loses a stanza that comes before (6.7.21, Utils/noise-handler).
PLAIN_PAUSE_MS = 100.0
# The client hangs up by itself when it has read why. One that got no processor finds
# the last stanza and the close together and drops the stanza: with 50 ms between them
# and a client that stood still for 200 ms, 3 of 12 unlinks and 7 of 16 stream errors
# were lost (neonize 0.5.2).
FAREWELL_SECONDS = 1.0


class ProtocolError(Exception):
    """The peer does not speak the protocol; its connection is closed."""


class Party(Protocol):
    """Who a connection turned out to be: a client that pairs, or a device."""

    async def start(self) -> None: ...

    async def handle(self, stanza: Node) -> None: ...

    def ended(self) -> None: ...


class Connection:
    """Runs from the WebSocket upgrade to the end of the connection."""

    _numbers = itertools.count(1)

    def __init__(self, sandbox: Sandbox, socket: WebSocket) -> None:
        self.id = next(self._numbers)
        self.since = time.time()
        self.frames_received = 0
        self.static_key = b""
        self.ended = asyncio.Event()
        self._sandbox = sandbox
        self._socket = socket
        self._transport: Transport | None = None
        self._party: Party | None = None
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the client to its end; never raises but when cancelled."""
        reason = "closed by the server"
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                transport, payload = await self._shake_hands()
                self._transport = transport
            self._sandbox.events.add("handshake", connection=self.id)
            await asyncio.sleep(self._pause_seconds())
            party = self._party = self._sandbox.identify(self, payload)
            await party.start()
            while True:
                await party.handle(await self._receive(transport))
        except PeerClosed as closed:
            reason = str(closed) or "end of stream"
        except (ProtocolError, NoiseError, NodeError, ProtobufError) as error:
            reason = f"protocol error: {error}"
            logger.warning("Peer broke the protocol connection=%s %s", self.id, error)
        except TimeoutError:
            reason = "handshake took too long"
        except OSError as error:
            reason = f"network error: {error}"
        except Exception:
            reason = "internal error"
            logger.exception("Connection failed connection=%s", self.id)
        finally:
            await self._end(reason)

    def send(self, stanza: Node) -> None:
        """Queue a stanza for the peer; nothing happens once it is gone."""
        self.send_encoded(nodes.encode(stanza))

    def send_encoded(self, stanza: bytes) -> None:
        """As `send`, for a stanza that is encoded already."""
        if self._transport is not None and not self.ended.is_set():
            self._send_frame(self._transport.seal(stanza))

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        self._socket.reset()

    def close(self, delay: float = 0.0) -> None:
        """Close politely after `delay` seconds, once."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(delay))

    def say_farewell(self, stanza: Node, linger: float = FAREWELL_SECONDS) -> None:
        """Send the last stanza; close politely `linger` seconds later."""
        self.send(stanza)
        self.close(linger)

    @property
    def is_alive(self) -> bool:
        """True while the peer can still send on this connection."""
        return not self.ended.is_set() and self._socket.peer_is_open

    def _pause_seconds(self) -> float:
        """How long the first stanza takes, which no real network sends at once."""
        pause_ms = self._sandbox.settings.server_pause_ms
        if self._socket.is_plain:
            pause_ms = max(pause_ms, PLAIN_PAUSE_MS)
        return pause_ms / 1000

    async def _close(self, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        await self._socket.close_politely()

    async def _end(self, reason: str) -> None:
        self.ended.set()
        if self._party is not None:
            self._party.ended()
        self._sandbox.connection_ended(self, reason)
        await self._socket.close()

    async def _shake_hands(self) -> tuple[Transport, bytes]:
        """The ciphers of this connection and the client's ClientPayload."""
        refuses = self._sandbox.breaks_connections() == "upgrade"
        await self._socket.accept(welcome=not refuses)
        prefix = await self._socket.read(len(HEADER))
        if prefix == ROUTING_PREFIX:
            await self._socket.read(int.from_bytes(await self._socket.read(3), "big"))
            prefix = await self._socket.read(len(HEADER))
        if prefix != HEADER:
            raise ProtocolError(f"unknown header {prefix.hex()}")
        keyring = self._sandbox.keyring
        responder = Responder(keyring.static, keyring.certificate, HEADER)
        hello = await self._read_frame(MAX_HANDSHAKE_FRAME)
        if self._sandbox.breaks_connections() == "silence":
            await self._socket.read(MAX_HANDSHAKE_FRAME)  # until the client gives up
        self._send_frame(responder.answer(hello))
        finish = await self._read_frame(MAX_HANDSHAKE_FRAME)
        self.static_key, payload = responder.finish(finish)
        return responder.transport(), payload

    async def _receive(self, transport: Transport) -> Node:
        frame = transport.open(await self._read_frame(MAX_FRAME))
        self.frames_received += 1
        return nodes.decode(frame)

    async def _read_frame(self, limit: int) -> bytes:
        size = int.from_bytes(await self._socket.read(3), "big")
        if size > limit:
            raise ProtocolError(f"a frame of {size} bytes is too large")
        return await self._socket.read(size)

    def _send_frame(self, frame: bytes) -> None:
        self._socket.send(len(frame).to_bytes(3, "big") + frame)
