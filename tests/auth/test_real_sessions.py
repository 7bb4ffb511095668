"""The real client on copied keys: no second scan, no lost Signal session.

Everything here runs the unpatched library against the sandbox; the "server" that dies
is a directory that is deleted.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from sessions.auth.mirror import Mirror
from sessions.auth.open_store import open_for_pairing, open_for_start
from sessions.client import forkserver
from sessions.client.store_schema import create_schema
from sessions.models import BaileysAuth
from tests.auth.conftest import Place
from tests.client.session_driver import (
    SessionDriver,
    sandbox_environment,
    session_settings,
)
from tests.factories import make_phone
from tests.processes import wait_until
from tests.sandbox.clients import wait_acknowledged

numbers = (f"7705482{serial:04d}" for serial in itertools.count())
COPY_SECONDS = 0.2


@pytest.fixture(scope="module")
def sandbox_forkserver(sandbox: Any) -> Iterator[Any]:
    forkserver.start(os.environ, sandbox_environment(sandbox.description))
    yield sandbox
    forkserver.stop()


@pytest.fixture
def drivers() -> Iterator[list[SessionDriver]]:
    started: list[SessionDriver] = []
    yield started
    for driver in started:
        driver.close()


@pytest.fixture
def peer(sandbox_forkserver, drivers, tmp_path):
    """Somebody else's linked device, which talks with ours."""
    driver = SessionDriver.create(tmp_path / "peer", sandbox_forkserver.description)
    drivers.append(driver)
    driver.number = next(numbers)
    driver.pair(sandbox_forkserver, driver.number)
    return driver


class Server:
    """A place with a real session process and a copy of its keys every 0.2 s."""

    def __init__(
        self, place: Place, sandbox: Any, drivers: list[SessionDriver]
    ) -> None:
        self.place, self.sandbox, self.drivers = place, sandbox, drivers
        self.number = place.phone.phone_number

    def start(self, opener: Any = open_for_start) -> SessionDriver:
        self.store = self.place.open(opener)
        self.mirror = Mirror(self.place.phone, self.place.fence, self.store)
        settings = session_settings(
            self.place.path.parent,
            self.sandbox.description,
            store_path=str(self.place.path),
            lock_path=str(self.place.path.with_suffix(".lock")),
            jid=self.store.device_jid(),
        )
        self.driver = SessionDriver(settings)
        self.drivers.append(self.driver)
        return self.driver

    def pair(self) -> SessionDriver:
        driver = self.start(open_for_pairing)
        self.sandbox.scan(driver.wait_for("qr")["code"], self.number)
        driver.wait_for("pair_status", status="SUCCESS")
        assert self.mirror.push(), "the device is saved before PairSuccess"
        driver.wait_for("connected")
        return driver

    def kill(self) -> None:
        """Power cut: the process, its file and what was not copied are gone."""
        self.driver.handle.process.kill()
        self.driver.end(10)
        self.place.close()
        shutil.rmtree(self.place.path.parent)
        self.place.path.parent.mkdir()

    @contextmanager
    def copying(self) -> Iterator[None]:
        """The host's copying beside the session, as often as it does it or slower."""
        stop = threading.Event()

        def copy() -> None:
            try:
                while not stop.wait(COPY_SECONDS):
                    self.mirror.push()
            finally:
                connection.close()

        thread = threading.Thread(target=copy)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def server(organization, host, sandbox_forkserver, drivers, settings, tmp_path):
    settings.WHATSAPP_REALM = "sandbox"
    phone = make_phone(organization, phone_number=next(numbers))
    with closing(Place(phone, host, tmp_path / "server", create_schema)) as place:
        yield Server(place, sandbox_forkserver, drivers)


def received(driver: SessionDriver) -> int:
    return len([line for line in driver.seen("message") if not line["from_me"]])


def greet(one: SessionDriver, number: str, other: SessionDriver) -> None:
    before = received(other)
    assert one.send(number, "hello")["ok"]
    wait_until(lambda: received(other) > before, "the message")


def consumed(server: Server) -> list[int]:
    return server.sandbox.prekeys(server.number, 1)["consumed"]


def uploaded(server: Server) -> list[int]:
    return server.sandbox.prekeys(server.number, 1)["uploaded"]


def test_a_server_that_burnt_down_costs_no_scan_and_no_signal_session(server, peer):
    ours = server.pair()
    greet(ours, peer.number, peer)
    greet(peer, server.number, ours)
    greet(ours, peer.number, peer)
    assert ours.stop() == 0
    assert server.mirror.push()
    used = consumed(server)
    for text in ("while", "you", "were away"):
        assert peer.send(server.number, text)["ok"]
    server.place.close()
    shutil.rmtree(server.place.path.parent)
    server.place.path.parent.mkdir()

    server.place.retake()
    again = server.start()
    again.wait_for("connected")
    wait_until(lambda: received(again) == 3, "the queued messages")
    greet(again, peer.number, peer)
    greet(peer, server.number, again)
    assert again.seen("qr") == []
    assert again.seen("undecryptable") == peer.seen("undecryptable") == []
    # No new Signal session was begun with us: the old one was carried on.
    assert consumed(server) == used


def test_a_session_killed_before_its_prekeys_were_copied_repeats_no_id(server, peer):
    """The worst moment: 812 prekeys are at WhatsApp, the copy holds none of them."""
    # WhatsApp takes its time between the pairing and the first login.
    server.sandbox.fault("pause_after", step="before_515", seconds=2)
    server.pair()
    server.sandbox.fault("pause_after", step="before_515", seconds=0)
    wait_until(lambda: len(uploaded(server)) == 812, "the upload")
    assert not BaileysAuth.objects.filter(key__startswith="pre-key-").exists()
    server.kill()
    server.place.retake()
    again = server.start()
    again.wait_for("connected")
    wait_until(lambda: len(uploaded(server)) > 812, "the second upload")
    ids = uploaded(server)
    assert len(ids) == len(set(ids))
    # The sender was given a lost prekey; the retry brings the message all the same.
    greet(peer, server.number, again)
    greet(again, peer.number, peer)


def test_messages_after_a_rebuild_are_not_taken_for_repetitions(server, peer):
    """The recipient drops a message number that it has seen, without a retry."""
    ours = server.pair()
    greet(peer, server.number, ours)
    greet(ours, peer.number, peer)
    server.mirror.push()
    for _ in range(2):
        before = received(peer)
        for _ in range(20):
            assert ours.send(peer.number, "never copied")["ok"]
        wait_until(lambda: received(peer) == before + 20, "the messages")  # noqa: B023
        server.kill()
        server.place.retake()
        ours = server.start()
        ours.wait_for("connected")
        for _ in range(5):
            greet(ours, peer.number, peer)
    assert peer.seen("undecryptable") == []


def test_a_session_killed_under_traffic_goes_on_from_the_copy(server, peer):
    ours = server.pair()
    with server.copying():
        greet(peer, server.number, ours)
        for _ in range(30):
            ours.say(do="send", id="x", to=peer.number, text="from ours")
            peer.say(do="send", id="x", to=server.number, text="to ours")
            time.sleep(0.02)
        os.kill(ours.pid, signal.SIGKILL)
    server.kill()
    # Who writes while reading may use a message number twice, and the second message
    # is dropped. The peer has read all, so it uses none twice after this one.
    wait_acknowledged(server.sandbox, f"{peer.number}:1@s.whatsapp.net")
    assert peer.send(server.number, "on a quiet line")["ok"]
    server.place.retake()
    again = server.start()
    again.wait_for("connected")
    assert again.seen("qr") == []
    greet(peer, server.number, again)
    greet(again, peer.number, peer)
    ids = uploaded(server)
    assert len(ids) == len(set(ids))


def test_a_hard_killed_session_starts_on_its_own_file(server, peer):
    """The WAL is left as the kill left it; nothing newer than the copy is lost."""
    ours = server.pair()
    greet(ours, peer.number, peer)
    ours.handle.process.kill()
    ours.end(10)
    assert server.mirror.push()
    server.place.close()
    server.place.retake()
    again = server.start()
    again.wait_for("connected")
    assert server.place.lease.auth_sequence == server.store.sequence()
    greet(peer, server.number, again)
    assert again.seen("undecryptable") == []


def test_an_unlink_freezes_the_copy(server):
    ours = server.pair()
    server.mirror.push()
    server.sandbox.unlink(number=server.number)
    ours.wait_for("logged_out")
    wait_until(lambda: server.store.device_jid() is None, "the deletion")
    assert not server.mirror.push()
    assert server.mirror.frozen
    assert ours.stop() == 0
    server.place.close()
    server.place.retake()
    # Only a person, or the host that saw the LoggedOut, may wipe what was copied.
    assert server.place.open().device_jid() is not None


def test_the_copy_keeps_up_with_a_session_that_works(server, peer):
    ours = server.pair()
    with server.copying():
        for _ in range(10):
            greet(peer, server.number, ours)
            greet(ours, peer.number, peer)
    assert ours.stop() == 0
    server.mirror.push_all()
    assert server.mirror.compare()
    assert server.mirror.refill() == 0
    assert Path(server.place.path).stat().st_mode & 0o077 == 0
