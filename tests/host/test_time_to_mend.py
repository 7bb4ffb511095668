"""When fleet sense judges what failed: each failure has its time to mend."""

from __future__ import annotations

import asyncio

import pytest

from sessions.host import fleet_sense
from sessions.host.incident_book import Book
from tests.host.servers import incidents, on_database, turns

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_failed_a_moment_ago_waits_for_its_time_to_mend(servers):
    [one] = await servers("one")
    one.sense.settles = {"n1": 1.0, "o1": 0.0}.__getitem__
    await on_database(one.fail, "n1")
    await on_database(one.fail, "o1", 1)  # opens an incident of its own at once
    await turns(one)
    assert [i.kind for i in await incidents()] == ["outdated"]
    await asyncio.sleep(1.1)
    await turns(one)
    assert {i.kind for i in await incidents()} == {"outdated", "unreachable"}


async def test_a_quiet_host_looks_as_soon_as_a_failure_had_its_time(
    servers, monkeypatch
):
    monkeypatch.setattr(fleet_sense, "LOOK_SECONDS", 600.0)
    [one] = await servers("one")
    one.sense.settles = {"n1": 600.0, "n3": 0.2}.__getitem__
    pause = asyncio.create_task(one.sense._pause())
    await on_database(one.fail, "n1")
    await asyncio.wait([pause], timeout=0.3)
    assert not pause.done()
    one.sense.noticed(one.phones[0], "n3")
    await asyncio.wait_for(pause, 20)
    assert one.sense._ripe() == ["unreachable"]


async def test_what_fails_while_the_others_are_judged_is_judged_too(
    servers, monkeypatch
):
    [one] = await servers("one")
    await on_database(one.fail, "n1", 2)
    judge = Book.judge

    def judge_slowly(book, kind, here):
        monkeypatch.setattr(Book, "judge", judge)
        one.sense.noticed(one.phones[2], "n1")
        return judge(book, kind, here)

    monkeypatch.setattr(Book, "judge", judge_slowly)
    await turns(one)
    assert await incidents() == []
    await turns(one)
    assert len(await incidents()) == 1
