"""No session starts on a lease that is about to end; waiting for one is interrupted."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from sessions.host.inbox import Inbox, Nudge
from sessions.host.launch import HostStops, Launch
from sessions.host.start_budget import StartBudget
from sessions.host.tenure import Tenure
from sessions.models import LeaseLost

SPAN = 20.0
MOMENT = 0.05


def launch_with(seconds_left: float) -> Launch:
    """A start whose phone has its turn; only its lease may be too old."""

    async def not_cleared(*_: Any) -> bool:
        return False

    house: Any = SimpleNamespace(
        budget=StartBudget(0),
        sense=SimpleNamespace(goes_ahead=lambda _: False),
        threads=SimpleNamespace(patiently=not_cleared),
        stopping=False,
    )
    scribe: Any = SimpleNamespace(
        journal=SimpleNamespace(phone=SimpleNamespace(pk=1)),
    )
    paths: Any = None
    tenure = Tenure(time.monotonic() + seconds_left, span=SPAN)
    return Launch(house, scribe, Inbox(), paths, tenure)


async def is_waiting(task: asyncio.Task[None]) -> bool:
    await asyncio.wait({task}, timeout=MOMENT)
    return not task.done()


async def test_a_fresh_lease_lets_a_session_start():
    await asyncio.wait_for(launch_with(0.9 * SPAN)._wait_for_turn(), 5)


@pytest.mark.parametrize("seconds_left", [-3.0, 0.1, 0.4 * SPAN])
async def test_a_session_starts_only_after_the_renewal(seconds_left):
    launch = launch_with(seconds_left)
    start = asyncio.create_task(launch._wait_for_turn())
    assert await is_waiting(start)
    launch.inbox.put(Nudge("wake"))
    assert await is_waiting(start)
    launch.tenure.renew(time.monotonic() + 0.3 * SPAN)  # answered late
    assert await is_waiting(start)
    launch.tenure.renew(time.monotonic() + SPAN)
    await asyncio.wait_for(start, 5)
    assert await launch.inbox.next() == Nudge("wake")


async def test_a_lost_lease_ends_the_wait():
    launch = launch_with(0.0)
    start = asyncio.create_task(launch._wait_for_turn())
    assert await is_waiting(start)
    launch.inbox.put(Nudge("lost"))
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(start, 5)


async def test_a_host_that_stops_ends_the_wait():
    launch = launch_with(0.0)
    start = asyncio.create_task(launch._wait_for_turn())
    assert await is_waiting(start)
    launch.house.stopping = True
    launch.inbox.put(Nudge("leave"))
    with pytest.raises(HostStops):
        await asyncio.wait_for(start, 5)


class Told:
    """A session that notes what it is told."""

    def __init__(self) -> None:
        self.deadlines: list[float] = []

    def renew(self, deadline: float) -> None:
        self.deadlines.append(deadline)


async def test_a_session_hears_of_every_deadline_from_its_first_moment_on():
    now = time.monotonic()
    tenure, session = Tenure(now + 5, span=SPAN), Told()
    tenure.renew(now + 6)  # forked, and not on record yet
    tenure.serve(session)
    tenure.renew(now + 8)
    tenure.renew(now + 7)  # overtaken
    tenure.served()
    tenure.renew(now + 9)
    assert session.deadlines == [now + 6, now + 8, now + 8]


async def test_a_session_is_not_told_of_a_deadline_that_has_passed():
    tenure, session = Tenure(time.monotonic() - 1, span=SPAN), Told()
    tenure.serve(session)
    assert session.deadlines == []
