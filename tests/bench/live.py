"""From a committed change to the open pages: real daphne, real sockets."""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Ping, Request, TextMessage

from tests.processes import ROOT, wait_until

EVENTS = 60
PAUSE_SECONDS = 0.15


class Page:
    """One open page's socket; notes when each message arrived (monotonic seconds)."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        self.port, self.path, self.cookie = port, path, cookie
        self.arrivals: list[float] = []
        self._wire = WSConnection(ConnectionType.CLIENT)

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        headers = [
            (b"Cookie", self.cookie.encode()),
            (b"Origin", f"http://127.0.0.1:{self.port}".encode()),
        ]
        request = Request(
            host=f"127.0.0.1:{self.port}", target=self.path, extra_headers=headers
        )
        self.writer.write(self._wire.send(request))
        self._accepted = asyncio.Event()
        self.task = asyncio.create_task(self._read())
        await asyncio.wait_for(self._accepted.wait(), 20)

    async def _read(self) -> None:
        while chunk := await self.reader.read(65536):
            now = time.monotonic()
            self._wire.receive_data(chunk)
            for event in self._wire.events():
                if isinstance(event, AcceptConnection):
                    self._accepted.set()
                elif isinstance(event, TextMessage) and event.data != "{}":
                    self.arrivals.append(now)
                elif isinstance(event, Ping):
                    self.writer.write(self._wire.send(event.response()))

    async def close(self) -> None:
        self.task.cancel()
        self.writer.close()


def measure(directory: Path, counts: list[int]) -> dict[str, Any]:
    from django.contrib.auth.models import User

    from phones.models import Organization
    from tests.factories import make_phone

    phone = make_phone(Organization.objects.create(name="Bench"))
    user = User.objects.create_superuser("bench", password="-")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    web = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "daphne",
            "-v0",
            "-b127.0.0.1",
            f"-p{port}",
            "config.asgi:application",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(port), "the web process's start", 60)
        cookie = _cookie(user)
        path = f"/ws/phones/{phone.pk}/"
        return {
            f"event_to_{count}_sockets_ms": asyncio.run(
                _latencies(port, path, cookie, count, phone.pk)
            )
            for count in counts
        }
    finally:
        web.terminate()
        web.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _cookie(user: Any) -> str:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def change(phone_id: int, number: int) -> float:
    """A status change as a host writes it; returns when it was committed."""
    from django.db import transaction

    from phones.live import publish
    from phones.models import Change, OrganizationPhone, Status

    with transaction.atomic():
        status = (Status.CONNECTED, Status.DISCONNECTED)[number % 2]
        OrganizationPhone.objects.filter(pk=phone_id).update(status=status)
        publish(Change.Kind.FACT, phone_id)
    return time.monotonic()


async def _latencies(
    port: int, path: str, cookie: str, count: int, phone_id: int
) -> dict[str, float]:
    pages = [Page(port, path, cookie) for _ in range(count)]
    for page in pages:
        await page.open()
    await asyncio.sleep(1)
    took: list[float] = []
    for number in range(EVENTS):
        for page in pages:
            page.arrivals.clear()
        committed = await asyncio.to_thread(change, phone_id, number)
        deadline = committed + 3
        while time.monotonic() < deadline and not all(p.arrivals for p in pages):
            await asyncio.sleep(0.002)
        took += [page.arrivals[0] - committed for page in pages if page.arrivals]
        # Out of step with the poll of SQLite, so that its phase is sampled.
        await asyncio.sleep(PAUSE_SECONDS + 0.0137 * (number % 7))
    for page in pages:
        await page.close()
    marks = statistics.quantiles(took, n=20)
    return {
        "p50": round(1000 * statistics.median(took), 1),
        "p95": round(1000 * marks[18], 1),
        "missed": EVENTS * count - len(took),
    }
