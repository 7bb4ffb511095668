"""watch(): what was published reaches a listener, also across a lost connection."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction

from phones import live, live_postgresql
from phones.live import publish, watch
from phones.live_postgresql import Seen
from phones.models import Change

pytestmark = pytest.mark.django_db(transaction=True)

publish_async = sync_to_async(publish)


async def first(batches, seconds=5.0):
    return await asyncio.wait_for(anext(batches), seconds)


async def gathered(batches, wanted):
    got = set()
    while not wanted <= got:
        got |= await first(batches)
    return got


async def test_it_starts_with_an_empty_set_and_yields_what_is_published():
    await publish_async(Change.Kind.FACT, 1)
    async with aclosing(watch(Change.Kind.FACT)) as batches:
        assert await first(batches) == set()
        await publish_async(Change.Kind.FACT, 7)
        assert await first(batches) == {7}


async def test_it_yields_only_the_kinds_asked_for():
    async with aclosing(watch(Change.Kind.WISH)) as batches:
        await first(batches)
        await publish_async(Change.Kind.FACT, 1)
        await publish_async(Change.Kind.WISH, 2)
        assert await first(batches) == {2}


async def test_it_yields_several_kinds():
    async with aclosing(watch(Change.Kind.WISH, Change.Kind.FACT)) as batches:
        await first(batches)
        await publish_async(Change.Kind.FACT, 1)
        await publish_async(Change.Kind.WISH, 2)
        assert await gathered(batches, {1, 2}) == {1, 2}


async def test_a_burst_is_coalesced():
    def burst():
        for phone_id in range(50):
            publish(Change.Kind.FACT, phone_id)

    async with aclosing(watch(Change.Kind.FACT)) as batches:
        await first(batches)
        await sync_to_async(burst)()
        count, got = 0, set()
        while len(got) < 50:
            got |= await first(batches)
            count += 1
        assert got == set(range(50))
        assert count < 25


async def test_a_transaction_rolled_back_wakes_nobody():
    def rolled_back():
        with transaction.atomic():
            publish(Change.Kind.FACT, 1)
            transaction.set_rollback(True)
        publish(Change.Kind.FACT, 2)

    async with aclosing(watch(Change.Kind.FACT)) as batches:
        await first(batches)
        await sync_to_async(rolled_back)()
        assert await first(batches) == {2}


async def test_what_was_published_while_the_connection_was_lost_is_yielded(monkeypatch):
    async with aclosing(watch(Change.Kind.FACT)) as batches:
        await first(batches)
        await publish_async(Change.Kind.FACT, 1)
        assert await first(batches) == {1}
        for module in (live, live_postgresql):
            monkeypatch.setattr(module, "RETRY", 0.5)
        lost = asyncio.ensure_future(lose_connection(monkeypatch))
        assert await first(batches, 10) == {2}
        await lost


async def lose_connection(monkeypatch):
    """Cut the watcher's connection and publish before it is back."""
    if connection.vendor == "postgresql":
        await sync_to_async(terminate_listeners)()
        await publish_async(Change.Kind.FACT, 2)
        return
    failing = live._rows_after

    def broken(*args):
        monkeypatch.setattr(live, "_rows_after", failing)
        raise live.sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(live, "_rows_after", broken)
    await publish_async(Change.Kind.FACT, 2)


def terminate_listeners():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND "
            "(query LIKE 'LISTEN%%' OR query LIKE 'SELECT id, phone_id%%')"
        )
        assert cursor.fetchall()


async def test_a_quiet_listener_reads_the_outbox_anyway(monkeypatch):
    """A NOTIFY that never comes costs one quiet interval, not the change."""
    monkeypatch.setattr(live_postgresql, "QUIET", 0.3)
    async with aclosing(watch(Change.Kind.FACT)) as batches:
        await first(batches)
        await sync_to_async(Change.objects.create)(kind=Change.Kind.FACT, phone_id=9)
        assert await first(batches) == {9}


def test_a_row_is_handed_out_once():
    seen = Seen(floor=0)
    assert seen.fresh([(1, 10), (2, 20)], now=0.0) == {10, 20}
    assert seen.fresh([(1, 10), (2, 20), (3, 30)], now=1.0) == {30}


def test_an_id_that_becomes_visible_late_is_not_lost():
    seen = Seen(floor=0)
    seen.fresh([(5, 50)], now=0.0)
    assert seen.floor == 0  # row 4 may still be in an open transaction
    assert seen.fresh([(4, 40), (5, 50)], now=9.0) == {40}


def test_the_overlap_ends_after_ten_seconds():
    seen = Seen(floor=0)
    seen.fresh([(5, 50)], now=0.0)
    seen.fresh([], now=10.0)
    assert seen.floor == 5
    assert seen.ids == set()
