"""The budget of starts: in order, never more than so many per second."""

from __future__ import annotations

import asyncio
import itertools
import time

from sessions.host.start_budget import StartBudget

LATE = 0.02  # seconds; a busy machine may note a start so much after it


def gaps_of(times: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(times)]


async def starts(budget: StartBudget, count: int) -> list[tuple[int, float]]:
    """(caller, time) in the order in which they were let go."""
    done: list[tuple[int, float]] = []

    async def caller(number: int) -> None:
        await budget.permission()
        done.append((number, time.monotonic()))

    await asyncio.gather(*(caller(number) for number in range(count)))
    return done


async def test_callers_are_served_in_order_with_pauses():
    done = await starts(StartBudget(20), 5)
    assert [number for number, _ in done] == [0, 1, 2, 3, 4]
    assert all(gap >= 0.05 - LATE for gap in gaps_of([at for _, at in done]))


async def test_a_loop_that_stood_still_does_not_catch_up():
    budget = StartBudget(20)
    waiting = asyncio.create_task(starts(budget, 4))
    await asyncio.sleep(0)
    time.sleep(0.3)  # all of their times pass
    times = [at for _, at in await waiting]
    assert times[-1] - times[1] >= 0.1 - LATE


async def test_starts_whose_permission_was_late_keep_their_distance():
    """Four were permitted one by one, and the database let all of them wait."""
    budget = StartBudget(20)
    permitted, answered = asyncio.Semaphore(0), asyncio.Event()
    times: list[float] = []

    async def caller() -> None:
        await budget.permission()
        permitted.release()
        await answered.wait()
        await budget.start()
        times.append(time.monotonic())

    callers = asyncio.gather(*(caller() for _ in range(4)))
    for _ in range(4):
        await permitted.acquire()
    answered.set()
    await callers
    assert all(gap >= 0.05 - LATE for gap in gaps_of(times))


async def test_a_budget_that_is_lifted_lets_everybody_go():
    budget = StartBudget(0.01)
    waiting = asyncio.create_task(starts(budget, 3))
    await asyncio.sleep(0.01)
    budget.lift()
    assert len(await asyncio.wait_for(waiting, 5)) == 3


async def test_nothing_limits_a_budget_of_zero():
    assert len(await asyncio.wait_for(starts(StartBudget(0), 50), 5)) == 50
