from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import heal
from tests.sandbox.clients import Client, Server, Watch
from tests.sandbox.initiator import RawClient

_numbers = itertools.count(77060000001)


@pytest.fixture
def number() -> str:
    """A phone number that no other test uses."""
    return str(next(_numbers))


@pytest.fixture
def other_number() -> str:
    return str(next(_numbers))


@pytest.fixture
def start_client(sandbox, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Start a real client on a store by name; all are killed afterwards."""
    clients: list[Client] = []

    def start(store: str = "store", at=sandbox) -> Client:
        client = Client(at, tmp_path / f"{store}.db")
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A sandbox of the test's own, not started yet."""
    directory = tmp_path / "sandbox"
    directory.mkdir()
    server = Server(directory)
    yield server
    server.kill()


@pytest.fixture
def watch(sandbox) -> Watch:
    return Watch(sandbox)


@pytest.fixture
async def connect(sandbox) -> AsyncIterator[Callable[[], RawClient]]:
    """Makes raw clients; all are cut afterwards."""
    clients: list[RawClient] = []

    def make() -> RawClient:
        clients.append(RawClient(sandbox.description))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
    await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "sandbox" not in request.fixturenames:
        return
    heal(request.getfixturevalue("sandbox"))
