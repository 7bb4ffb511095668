"""Sockets for tests: opened with a real login, read with patience."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from config.asgi import application
from tests.processes import PATIENCE

in_thread = sync_to_async


class Socket(WebsocketCommunicator):
    """Waits for a message as long as a busy machine may take."""

    async def receive_from(self, timeout=PATIENCE):
        return await super().receive_from(timeout)


def cookies_of(user):
    if user is None:
        return ""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


@asynccontextmanager
async def opened(user, path, origin="http://localhost"):
    """(communicator, accepted, close code) of a socket to `path`."""
    cookie = await in_thread(cookies_of)(user)
    headers = [
        (b"origin", origin.encode()),
        (b"host", b"localhost"),
        (b"cookie", cookie.encode()),
    ]
    socket = Socket(application, path, headers=headers)
    accepted, code = await socket.connect(timeout=PATIENCE)
    try:
        yield socket, accepted, code
    finally:
        await socket.disconnect(timeout=PATIENCE)


async def message_with(socket, *words, seconds=PATIENCE):
    """The next message that has all `words` in its text."""
    async with asyncio.timeout(seconds):
        while True:
            text = await socket.receive_from(timeout=seconds)
            if all(word in text for word in words):
                return json.loads(text)


async def close_code(socket, seconds=PATIENCE):
    async with asyncio.timeout(seconds):
        while True:
            event = await socket.receive_output(timeout=seconds)
            if event["type"] == "websocket.close":
                return event["code"]


def paths(phone):
    return {
        "rows": f"/ws/phones/?ids={phone.pk}",
        "story": f"/ws/phones/{phone.pk}/",
        "stage": f"/ws/phones/{phone.pk}/qr/",
        "board": "/ws/board/",
    }
