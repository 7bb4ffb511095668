from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.host.servers import EACH, Server, on_database


@pytest.fixture
async def servers() -> AsyncIterator[Any]:
    made: list[Server] = []

    async def make(*names: str, count: int = EACH) -> list[Server]:
        for name in names:
            server = await on_database(Server, name, count)
            await on_database(server.keep)
            made.append(server)
        return made[-len(names) :]

    yield make
    for server in made:
        server.threads.close(5)
