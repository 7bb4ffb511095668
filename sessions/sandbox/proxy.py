"""The way in: an HTTP proxy on 127.0.0.1 that knows one host and ends its TLS here.

A client that can be told another address than WhatsApp's needs neither: it opens its
WebSocket on the same port, at PLAIN_PATH.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sessions.sandbox.certificates import HOST, CertificateAuthority
from sessions.sandbox.websocket import WebSocket

if TYPE_CHECKING:
    from sessions.sandbox.server import Sandbox

logger = logging.getLogger(__name__)

TARGET = f"{HOST}:443"
PLAIN_PATH = "/ws/chat"
MAX_REQUEST = 16384
REQUEST_SECONDS = 10.0
TLS_SECONDS = 20.0
# When descriptors run out, accepting again at once would only spin.
ACCEPT_PAUSE = 0.2


class ProxyRequestError(Exception):
    """The client asked for something this proxy does not do."""


class Proxy:
    """Accepts connections; the sandbox gets each one that reaches the only host."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, sandbox: Sandbox
    ) -> None:
        self._listener = listener
        self._context = context
        self._sandbox = sandbox
        self._impostor: ssl.SSLContext | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError:
                logger.exception("Cannot accept a connection")
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            task = asyncio.create_task(self._serve_client(client))
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)

    async def close(self) -> None:
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._listener.close()

    async def _serve_client(self, client: socket.socket) -> None:
        try:
            stream = await self._admit(client)
        except (ProxyRequestError, OSError, TimeoutError) as error:
            logger.info("Connection ended before its handshake reason=%s", error)
            client.close()
        except BaseException:
            client.close()
            raise
        else:
            await self._sandbox.serve(stream)

    async def _admit(self, client: socket.socket) -> WebSocket:
        """From the accepted socket to the end of the TLS handshake."""
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._sandbox.accepts_connections():
            self._sandbox.events.add("refused_socket")
            raise ProxyRequestError("connections are refused for a time")
        request = await self._read_request(client)
        words = request.split(b"\r\n", 1)[0].decode("latin-1").split()
        if words[:2] == ["GET", PLAIN_PATH]:
            return await self._open_stream(client, request)
        await self._tunnel(client, words)
        return await self._open_stream(client)

    async def _read_request(self, client: socket.socket) -> bytes:
        loop = asyncio.get_running_loop()
        request = b""
        async with asyncio.timeout(REQUEST_SECONDS):
            while b"\r\n\r\n" not in request:
                received = await loop.sock_recv(client, 4096)
                if not received:
                    raise ProxyRequestError("closed inside the proxy request")
                request += received
                if len(request) > MAX_REQUEST:
                    raise ProxyRequestError("proxy request is too long")
        return request

    async def _tunnel(self, client: socket.socket, words: list[str]) -> None:
        """Answer the request whose first line is `words`, if it is our CONNECT."""
        loop = asyncio.get_running_loop()
        if words[:2] != ["CONNECT", TARGET]:
            host = words[1] if len(words) > 1 else "?"
            self._sandbox.refused_host(host[:200])
            await loop.sock_sendall(client, b"HTTP/1.1 403 Forbidden\r\n\r\n")
            raise ProxyRequestError("another host was asked for")
        await loop.sock_sendall(client, b"HTTP/1.1 200 OK\r\n\r\n")

    async def _open_stream(
        self, client: socket.socket, upgrade: bytes = b""
    ) -> WebSocket:
        """With `upgrade`, the request of a plain WebSocket, there is no TLS."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        reader.feed_data(upgrade)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            client,
            ssl=None if upgrade else self._tls_context(),
            ssl_handshake_timeout=None if upgrade else TLS_SECONDS,
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return WebSocket(reader, writer, is_plain=bool(upgrade))

    def _tls_context(self) -> ssl.SSLContext:
        """Ours; or, as a middlebox would, one of an authority that nobody trusts."""
        if self._sandbox.breaks_connections() != "tls":
            return self._context
        if self._impostor is None:
            now = datetime.now(UTC)
            self._impostor = CertificateAuthority.create(now).server_context(now)
        return self._impostor


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1. Raises OSError if the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
