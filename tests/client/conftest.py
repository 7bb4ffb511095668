from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessions.client import forkserver
from tests.client.session_driver import SessionDriver, sandbox_environment


@pytest.fixture(scope="module")
def sandbox_forkserver(sandbox: Any) -> Iterator[Any]:
    """A forkserver that sees the sandbox; yields the sandbox's control."""
    forkserver.start(os.environ, sandbox_environment(sandbox.description))
    yield sandbox
    forkserver.stop()


@pytest.fixture
def new_session(
    sandbox_forkserver: Any, tmp_path: Path
) -> Iterator[Callable[..., SessionDriver]]:
    """Spawn sessions by directory name; the same name finds the same store again."""
    drivers: list[SessionDriver] = []

    def spawn(name: str = "phone", **changes: Any) -> SessionDriver:
        driver = SessionDriver.create(
            tmp_path / name, sandbox_forkserver.description, **changes
        )
        drivers.append(driver)
        return driver

    yield spawn
    for driver in drivers:
        driver.close()


def ask(target: Callable[[socket.socket], None]) -> dict[str, Any]:
    """Run an inspection in a child of the forkserver."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = forkserver.run(target, (theirs,))
        with ours.makefile() as answer:
            found = json.loads(answer.readline())
    process.join()
    process.close()
    return found
