"""Proxies on 127.0.0.1 that are not the sandbox's: each notes what it was asked for."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import urlsplit

REFUSALS = {407: "Proxy Authentication Required", 403: "Forbidden", 502: "Bad Gateway"}


class RecordingProxy:
    """Accepts, notes what was asked for, and hangs up; or passes on to `target`.

    login: `user:password` that it wants. refusal: what it answers instead of serving.
    """

    scheme = "http"

    def __init__(
        self,
        target: str | None = None,
        *,
        login: str = "",
        refusal: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[str] = []
        self._target = urlsplit(target) if target else None
        self._login = login
        self._refusal = refusal
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = [self._listener]
        self._spawn(self._accept)

    @property
    def address(self) -> str:
        return self.with_login("")

    def with_login(self, login: str) -> str:
        scheme = "https" if self._tls else self.scheme
        at = f"{login}@" if login else ""
        return f"{scheme}://{at}127.0.0.1:{self.port}"

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _spawn(self, work, *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._spawn(self._serve_safely, client)

    def _serve_safely(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError, IndexError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
                self._sockets.append(client)
            self._serve(client)
        with suppress(OSError):
            client.close()

    def _serve(self, client: socket.socket) -> None:
        first = client.recv(4096)
        head = first.decode("latin-1")
        self.requests.append(head.split("\r\n")[0])
        refusal = self._refusal
        if self._login and not self._knows(head):
            refusal = 407
        if refusal is not None:
            answer = f"HTTP/1.1 {refusal} {REFUSALS[refusal]}\r\n\r\n"
            client.sendall(answer.encode())
        elif self._target is not None:
            self._pass_on(client, first)

    def _knows(self, head: str) -> bool:
        token = base64.b64encode(self._login.encode()).decode()
        return f"Proxy-Authorization: Basic {token}\r\n" in head

    def _open_target(self) -> socket.socket:
        assert self._target is not None
        server = socket.create_connection((self._target.hostname, self._target.port))
        self._sockets.append(server)
        return server

    def _pass_on(self, client: socket.socket, first: bytes) -> None:
        server = self._open_target()
        server.sendall(first)
        self._spawn(_pump, client, server)
        _pump(server, client)


class SocksProxy(RecordingProxy):
    """SOCKS5; behind it stands a CONNECT proxy. refusal: a reply code (RFC 1928)."""

    scheme = "socks5"

    def _serve(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        _version, count = stream.read(2)
        methods = stream.read(count)
        wanted = 2 if self._login else 0
        if wanted not in methods:
            self.requests.append("no common method")
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes((5, wanted)))
        if self._login and not self._lets_in(client, stream):
            self.requests.append("wrong login")
            return
        where = _asked_for(stream)
        self.requests.append(where)
        client.sendall(bytes((5, self._refusal or 0)) + b"\0\x01" + bytes(6))
        if self._refusal is None and self._target is not None:
            self._tunnel(client, where)

    def _lets_in(self, client: socket.socket, stream: BinaryIO) -> bool:
        stream.read(1)
        user = stream.read(stream.read(1)[0])
        password = stream.read(stream.read(1)[0])
        known = user + b":" + password == self._login.encode()
        client.sendall(b"\x01" + (b"\0" if known else b"\x01"))
        return known

    def _tunnel(self, client: socket.socket, where: str) -> None:
        server = self._open_target()
        server.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += server.recv(1) or b"\r\n\r\n"
        self._spawn(_pump, client, server)
        _pump(server, client)


def _asked_for(stream: BinaryIO) -> str:
    """`host:port` of a SOCKS5 request, as it was sent."""
    kind = stream.read(4)[3]
    if kind == 3:
        host = stream.read(stream.read(1)[0]).decode()
    else:
        host = socket.inet_ntoa(stream.read(4))
    return f"{host}:{int.from_bytes(stream.read(2))}"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    # Also after a reset: each side must see that the other is gone.
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
