"""The control API: HTTP and JSON on 127.0.0.1, for those who hold the token."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import h11

from sessions.sandbox import control_calls
from sessions.sandbox.drills import CallError

if TYPE_CHECKING:
    from sessions.sandbox.server import Sandbox

logger = logging.getLogger(__name__)

MAX_BODY = 1 << 20
REQUEST_SECONDS = 10.0


class ControlServer:
    """One request per connection; the calls themselves are in control_calls."""

    def __init__(self, listener: socket.socket, sandbox: Sandbox) -> None:
        self._listener = listener
        self._sandbox = sandbox

    async def serve(self) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._serve_client, sock=self._listener)
        async with server:
            await server.serve_forever()

    async def _serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request, body = await _read_request(connection, reader)
            status, answer = self._answer(request, body)
        except (h11.RemoteProtocolError, TimeoutError, OSError) as error:
            logger.info("Bad control request reason=%s", error)
            status, answer = 400, {"error": "This is not a proper HTTP request."}
        except Exception:
            logger.exception("Control call failed")
            status, answer = 500, {"error": "The sandbox failed; see its log."}
        try:
            await _write_answer(connection, writer, status, answer)
        except (h11.LocalProtocolError, OSError) as error:
            logger.info("Control answer was not taken reason=%s", error)
        finally:
            writer.close()

    def _answer(self, request: h11.Request, body: bytes) -> tuple[int, dict[str, Any]]:
        if not self._is_authorized(request):
            return 401, {"error": "The control token is missing or wrong."}
        target = urlsplit(request.target.decode("ascii", "replace"))
        method = request.method.decode("ascii", "replace")
        call = control_calls.CALLS.get((method, target.path))
        if call is None:
            return 404, {"error": f"There is no call {method} {target.path}."}
        try:
            arguments = json.loads(body) if body else dict(parse_qsl(target.query))
        except ValueError:
            return 400, {"error": "The body is not JSON."}
        if not isinstance(arguments, dict):
            return 400, {"error": "The body is not a JSON object."}
        try:
            return 200, call(self._sandbox, arguments)
        except CallError as error:
            return 409, {"error": str(error)}

    def _is_authorized(self, request: h11.Request) -> bool:
        expected = f"Bearer {self._sandbox.keyring.token}".encode()
        given = dict(request.headers).get(b"authorization", b"")
        return hmac.compare_digest(given, expected)


async def _read_request(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Request, bytes]:
    request: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
            if len(body) > MAX_BODY:
                raise h11.RemoteProtocolError("the body is too large")
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return request, body
        else:
            raise h11.RemoteProtocolError("no request was made")


async def _write_answer(
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
    status: int,
    answer: dict[str, Any],
) -> None:
    body = json.dumps(answer).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    events = (
        h11.Response(status_code=status, headers=headers),
        h11.Data(data=body),
        h11.EndOfMessage(),
    )
    for event in events:
        writer.write(connection.send(event) or b"")
    await writer.drain()
