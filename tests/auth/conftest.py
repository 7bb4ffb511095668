from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sessions.auth.keys import ensure_stamp
from sessions.auth.mirror import Mirror
from sessions.auth.open_store import open_for_start
from sessions.client.store_schema import stamp_realm
from sessions.models import Fence, Host, PhoneLease
from sessions.models.clock import clock_plus
from tests.auth.core import SESSION, Core, Device
from tests.factories import make_organization, make_phone

CREATE_TABLES = """
import sys
from sessions.client.neonize_library import create_tables, load
load()
create_tables(sys.argv[1])
"""


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store that the real library made, once for all tests."""
    path = tmp_path_factory.mktemp("schema") / "schema.sqlite3"
    subprocess.run(
        [sys.executable, "-c", CREATE_TABLES, str(path)], check=True, timeout=60
    )
    stamp_realm(path, "whatsapp")
    return path


@pytest.fixture
def create_schema(schema: Path) -> Callable[[Path, str], None]:
    def create(path: Path, realm: str) -> None:
        shutil.copyfile(schema, path)
        stamp_realm(path, realm)

    return create


@pytest.fixture
def organization(transactional_db):
    """Commits are real here: on_commit runs, other threads see the rows."""
    ensure_stamp()
    return make_organization(name="Acme")


@pytest.fixture
def host(organization):
    return Host.objects.create(name="one", pk=uuid.uuid4())


@pytest.fixture
def other_host(organization):
    return Host.objects.create(name="two", pk=uuid.uuid4())


def take(phone: Any, host: Host) -> Fence:
    """The phone's lease for this host, as after the former owner's death."""
    PhoneLease.objects.filter(phone=phone).update(
        expires_at=clock_plus(timedelta(seconds=-1))
    )
    fence = PhoneLease.objects.acquire(phone=phone, host_id=host.pk)
    assert fence is not None
    return fence


class Place:
    """One phone on one server: its fence, its directory, what the host does with it."""

    def __init__(self, phone: Any, host: Host, directory: Path, create: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.phone, self.host, self.create_schema = phone, host, create
        self.path = directory / f"phone-{phone.pk}.sqlite3"
        self.fence = take(phone, host)
        self._open: list[Any] = []

    @property
    def lease(self) -> PhoneLease:
        return PhoneLease.objects.get(phone=self.phone)

    def open(self, opener: Any = open_for_start) -> SimpleNamespace:
        """What a start does; a running session's store, mirror and core."""
        store = opener(
            self.phone, self.lease, self.fence, self.path, self.create_schema
        )
        self._open.append(store)
        return store

    def run(self, device: Device | None = None) -> SimpleNamespace:
        store = self.open()
        core = Core(self.path, device or Device(self.phone.phone_number))
        self._open.append(core)
        mirror = Mirror(self.phone, self.fence, store)
        return SimpleNamespace(store=store, core=core, mirror=mirror)

    def die(self) -> None:
        """Host and session process are killed: nothing more is copied."""
        self.close()

    def retake(self) -> None:
        self.fence = take(self.phone, self.host)

    def close(self) -> None:
        for thing in self._open:
            thing.close()
        self._open.clear()


@pytest.fixture
def place(phone, host, tmp_path: Path, create_schema: Any) -> Iterator[Place]:
    with closing(Place(phone, host, tmp_path / "one", create_schema)) as place:
        yield place


@pytest.fixture
def elsewhere(
    phone, other_host, tmp_path: Path, create_schema: Any
) -> Iterator[Callable[[], Place]]:
    """Takes the phone over to another server when called."""
    taken: list[Place] = []

    def take_over() -> Place:
        taken.append(Place(phone, other_host, tmp_path / "two", create_schema))
        return taken[-1]

    yield take_over
    for place in taken:
        place.close()


@pytest.fixture
def another_phone(organization):
    return make_phone(organization, phone_number="77054810899")


@pytest.fixture
def paired(place: Place) -> SimpleNamespace:
    """A phone that paired, made its prekeys and talked; all of it copied."""
    device = Device(place.phone.phone_number)
    running = place.run(device)
    running.core.pair()
    running.keys = running.core.make_prekeys(30)
    running.core.mark_uploaded(30)
    running.core.put_session(SESSION)
    assert running.mirror.push()
    running.device = device
    return running
