"""The server's end of one WebSocket, read as a stream of bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

READ_SIZE = 65536
# A peer that stopped reading (a frozen process) may let this much pile up here.
MAX_UNSENT = 8 << 20
CLOSE_SECONDS = 1.0
TCP_ESTABLISHED = 1
NOT_NOW = RejectConnection(status_code=503, headers=[(b"Content-Length", b"0")])


class PeerClosed(ConnectionError):
    """The peer ended the connection, politely or not."""


class WebSocket:
    """Wraps the streams of an accepted connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_plain: bool = False,
    ) -> None:
        self.is_plain = is_plain
        self._reader = reader
        self._writer = writer
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._buffer = bytearray()
        self._ended = asyncio.Event()
        self._gone: PeerClosed | None = None
        self._welcome = True

    async def accept(self, *, welcome: bool = True) -> None:
        """Answer the upgrade request, with 503 if not welcome. Raises PeerClosed."""
        self._welcome = welcome
        while self._protocol.state is not ConnectionState.OPEN:
            await self._receive()
            if self._gone is not None:
                raise self._gone

    async def read(self, size: int) -> bytes:
        """Exactly `size` bytes of binary messages.

        Raises PeerClosed once everything is read that the peer sent before its end.
        """
        while len(self._buffer) < size:
            if self._gone is not None:
                raise self._gone
            await self._receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def send(self, data: bytes) -> None:
        """Queue a binary message; silently nothing once the connection is closing."""
        if self._protocol.state is ConnectionState.OPEN:
            self._write(BytesMessage(data=data))
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT:
            self._writer.transport.abort()

    def reset(self) -> None:
        """Cut the connection so that the peer sees a TCP reset."""
        raw: socket.socket | None = self._writer.get_extra_info("socket")
        if raw is not None:  # the peer closed it, and its handler has not ended yet
            # Closing with a linger time of zero sends RST instead of FIN.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close_politely(self) -> None:
        """Close while somebody still reads; the peer gets a second to answer."""
        self._say_goodbye()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._ended.wait()
        await self.close()

    async def close(self) -> None:
        """Close now; a peer that does not take what was sent is cut off."""
        self._say_goodbye()
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()
        except (TimeoutError, OSError, ssl.SSLError):
            self._writer.transport.abort()

    @property
    def peer_is_open(self) -> bool:
        """False once the peer's end is closed, even if that was not read yet."""
        if self._writer.is_closing():
            return False
        raw: socket.socket = self._writer.get_extra_info("socket")
        try:
            info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        except OSError:
            return False
        return info[0] == TCP_ESTABLISHED

    def _say_goodbye(self) -> None:
        if self._protocol.state is ConnectionState.OPEN:
            self._write(CloseConnection(code=1000))

    async def _receive(self) -> None:
        try:
            await self._receive_some()
        except PeerClosed as closed:
            self._gone = closed
            self._ended.set()

    async def _receive_some(self) -> None:
        try:
            data = await self._reader.read(READ_SIZE)
        except (OSError, ssl.SSLError) as error:
            raise PeerClosed(str(error)) from error
        if not data:
            raise PeerClosed("end of stream")
        try:
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._handle(event)
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise PeerClosed(f"bad WebSocket data: {error}") from error

    def _handle(self, event: Event) -> None:
        if isinstance(event, BytesMessage):
            self._buffer += event.data
        elif isinstance(event, Request):
            self._write(AcceptConnection() if self._welcome else NOT_NOW)
            if not self._welcome:
                raise PeerClosed("refused the upgrade")
        elif isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, CloseConnection):
            if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                self._write(event.response())
            raise PeerClosed("closed by the peer")

    def _write(self, event: Event) -> None:
        if not self._writer.is_closing():
            self._writer.write(self._protocol.send(event))
