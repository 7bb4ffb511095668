"""The host's hold on a session process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from types import SimpleNamespace

import pytest

from sessions.host.leftovers import start_time_of
from sessions.host.live_session import LiveSession


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


async def live_session(pid: int, start_time: int) -> LiveSession:
    ours, theirs = socket.socketpair()
    sentinel, writable = os.pipe()
    process = SimpleNamespace(sentinel=sentinel, exitcode=None)
    handle = SimpleNamespace(
        pid=pid, start_time=start_time, socket=ours, process=process
    )
    session = LiveSession(handle, asyncio.Queue(), 1)
    loop = asyncio.get_running_loop()
    for descriptor in (ours.fileno(), sentinel):
        loop.remove_reader(descriptor)
    theirs.close()
    ours.close()
    os.close(sentinel)
    os.close(writable)
    return session


async def test_it_is_killed(sleeper):
    session = await live_session(sleeper.pid, start_time_of(sleeper.pid))
    session.kill()
    assert sleeper.wait(5) == -9


async def test_another_process_that_got_its_pid_is_left_alone(sleeper):
    session = await live_session(sleeper.pid, start_time_of(sleeper.pid) - 100)
    session.kill()
    with pytest.raises(subprocess.TimeoutExpired):
        sleeper.wait(0.2)
