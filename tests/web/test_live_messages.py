"""What open pages are told, and the task that tells them."""

from __future__ import annotations

import asyncio
import json

import pytest

from phones.consumers import topics, watcher
from phones.consumers.watcher import Watcher
from phones.models import Status
from sessions import verbs
from sessions.models import Pairing
from tests.factories import make_phone
from tests.processes import PATIENCE
from tests.web.doubles import CODE
from tests.web.sockets import in_thread, message_with, opened, paths

pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_operator_gets_the_state_then_the_change(phone, operator, host):
    await in_thread(host.report)(phone, Status.CONNECTING, linked=True)
    async with opened(operator, paths(phone)["rows"]) as (socket, accepted, _code):
        assert accepted
        state = json.loads(await socket.receive_from())
        assert "connecting" in state["slots"][f"phone-{phone.pk}-status"]
        await in_thread(host.connect)(phone)
        change = await message_with(socket, "good")
        assert "connected" in change["slots"][f"phone-{phone.pk}-status"]
        assert change["now"] > state["now"]


async def test_a_wish_is_shown_before_a_host_acts(phone, operator, host):
    await in_thread(host.connect)(phone)
    async with opened(operator, paths(phone)["story"]) as (socket, _, _code):
        first = json.loads(await socket.receive_from())
        assert "stop" in first["offers"]
        assert "on its way" not in first["slots"][f"phone-{phone.pk}-story"]
        await in_thread(verbs.stop)(phone, operator)
        wished = await message_with(socket, "on its way")
        assert "start" in wished["offers"]


async def test_a_change_elsewhere_is_not_told(phone, operator, host):
    other = await in_thread(make_phone)()
    async with opened(operator, "/ws/board/") as (socket, _, _code):
        await socket.receive_from()
        await in_thread(host.connect)(other)
        assert await socket.receive_nothing(0.5)


async def test_the_board_counts_the_statuses(phone, operator, host):
    async with opened(operator, "/ws/board/") as (socket, _, _code):
        first = json.loads(await socket.receive_from())
        assert first["counts"] == {"new": 1}
        await in_thread(host.report)(phone, Status.HELD, linked=True, cause="r1")
        change = await message_with(socket, "held")
        assert change["counts"] == {"held": 1}
        assert "Another program" in change["attention"]


async def test_two_languages_are_told_in_their_own(phone, operator, host):
    russian = paths(phone)["rows"] + "&language=ru"
    english = paths(phone)["rows"] + "&language=xx"
    async with (
        opened(operator, russian) as (ru, _, _a),
        opened(operator, english) as (en, _, _b),
    ):
        await in_thread(host.report)(phone, Status.HELD, linked=True, cause="r1")
        told_en = await message_with(en, "Another program")
        told_ru = await message_with(ru, "программа")
        assert told_en["phone"] == told_ru["phone"]


async def test_the_code_reaches_the_page_and_leaves_it_after_the_scan(
    phone, operator, host
):
    pairing = await in_thread(verbs.link)(phone, operator)
    async with opened(operator, paths(phone)["stage"]) as (socket, _, _code):
        assert json.loads(await socket.receive_from())["state"] == "requested"
        await in_thread(host.show_code)(pairing)
        shown = await message_with(socket, "<svg")
        assert shown["state"] == "qr"
        assert CODE not in json.dumps(shown)  # a picture, never the text
        await in_thread(host.finish)(pairing)
        done = await message_with(socket, '"online"')
        assert "<svg" not in done["slots"][f"phone-{phone.pk}-stage"]


async def test_a_code_that_is_over_is_not_sent(phone, operator, host):
    pairing = await in_thread(verbs.link)(phone, operator)
    await in_thread(host.show_code)(pairing, seconds=-1)
    async with opened(operator, paths(phone)["stage"]) as (socket, _, _code):
        first = json.loads(await socket.receive_from())
        assert first["state"] == "between"
        assert "<svg" not in json.dumps(first)


async def test_a_link_nobody_claims_ends_while_somebody_watches(
    phone, operator, monkeypatch
):
    monkeypatch.setattr(watcher, "TICK", 0.1)
    pairing = await in_thread(verbs.link)(phone, operator)
    async with opened(operator, paths(phone)["stage"]) as (socket, _, _code):
        assert json.loads(await socket.receive_from())["state"] == "no_host"
        await Pairing.objects.filter(pk=pairing.pk).aupdate(
            expires_at=pairing.requested_at
        )
        ended = await message_with(socket, "no_host_ended")
        assert "run_sessions" in json.dumps(ended)


async def test_a_server_that_dies_is_seen_without_any_change(
    phone, operator, host, monkeypatch
):
    monkeypatch.setattr(watcher, "TICK", 0.1)
    await in_thread(host.connect)(phone)
    async with opened(operator, paths(phone)["rows"]) as (socket, _, _code):
        first = json.loads(await socket.receive_from())
        assert "no server" not in first["slots"][f"phone-{phone.pk}-status"]
        await in_thread(host.die)()
        told = await message_with(socket, "no server")
        assert "run_sessions" in told["slots"][f"phone-{phone.pk}-cause"]


async def test_a_change_is_rendered_once_for_many_sockets(
    phone, operator, host, monkeypatch
):
    rendered = []
    row_message = topics.MESSAGES["row"]

    def counting(story):
        rendered.append(story.status)
        return row_message(story)

    monkeypatch.setitem(topics.MESSAGES, "row", counting)
    path = paths(phone)["rows"]
    async with (
        opened(operator, path) as (one, _, _a),
        opened(operator, path) as (two, _, _b),
        opened(operator, path) as (three, _, _c),
    ):
        for socket in (one, two, three):
            await socket.receive_from()
        rendered.clear()
        await in_thread(host.connect)(phone)
        for socket in (one, two, three):
            await message_with(socket, "good")
        assert rendered == [Status.CONNECTED]


async def test_the_watcher_ends_with_the_last_socket_and_starts_again(
    phone, operator, host
):
    for status in (Status.CONNECTING, Status.UNPROVEN):
        async with opened(operator, paths(phone)["rows"]) as (socket, _, _code):
            task = Watcher.here()._task
            assert task is not None
            assert not task.done()
            await in_thread(host.report)(phone, status, linked=True)
            await message_with(socket, str(status))
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done()
        assert not Watcher.here().watched


async def test_a_watcher_that_fails_starts_again_and_tells_what_it_missed(
    phone, operator, host, monkeypatch, caplog
):
    monkeypatch.setattr(watcher, "RETRY", 0.3)
    async with opened(operator, paths(phone)["rows"]) as (socket, _, _code):
        await socket.receive_from()
        sayings = watcher.sayings

        def failing(*args):
            monkeypatch.setattr(watcher, "sayings", sayings)
            raise RuntimeError("made up")

        monkeypatch.setattr(watcher, "sayings", failing)
        await in_thread(host.connect)(phone)
        assert await message_with(socket, "good")
        assert "starting again" in caplog.text
