"""WebSockets: who may open which, and when they are closed."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from phones.consumers import watcher
from phones.consumers.sockets import FORBIDDEN
from phones.models import Membership, Role
from tests.factories import make_user
from tests.web.sockets import close_code, in_thread, message_with, opened, paths

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("page", ["rows", "story", "stage", "board"])
async def test_a_stranger_without_a_login_is_refused(page, phone):
    async with opened(None, paths(phone)[page]) as (_, accepted, code):
        assert (accepted, code) == (False, FORBIDDEN)


@pytest.mark.parametrize("page", ["rows", "story", "stage"])
@pytest.mark.parametrize("role", list(Role))
async def test_another_organizations_people_are_refused(page, role, phone, stranger):
    await Membership.objects.filter(user=stranger).aupdate(role=role)
    async with opened(stranger, paths(phone)[page]) as (_, accepted, code):
        assert (accepted, code) == (False, FORBIDDEN)


async def test_somebody_who_is_not_staff_is_refused(phone, operator):
    await User.objects.filter(pk=operator.pk).aupdate(is_staff=False)
    async with opened(operator, paths(phone)["story"]) as (_, accepted, _code):
        assert not accepted


async def test_staff_without_membership_is_refused(phone):
    newcomer = await in_thread(make_user)()
    async with opened(newcomer, "/ws/board/") as (_, accepted, _code):
        assert not accepted


async def test_another_origin_is_refused(phone, operator):
    path = paths(phone)["story"]
    async with opened(operator, path, "https://evil.example") as (_, accepted, _code):
        assert not accepted


async def test_an_unknown_path_is_refused(operator):
    async with opened(operator, "/ws/nothing/") as (_, accepted, _code):
        assert not accepted


async def test_a_viewer_sees_the_phone_but_not_its_code(phone, viewer):
    async with opened(viewer, paths(phone)["story"]) as (_, accepted, _code):
        assert accepted
    async with opened(viewer, paths(phone)["stage"]) as (_, accepted, _code):
        assert not accepted


async def test_foreign_phones_among_the_rows_are_left_out(phone, operator, stranger):
    foreign = await in_thread(
        lambda: stranger.memberships.get().organization.phones.get()
    )()
    path = f"/ws/phones/?ids={phone.pk},{foreign.pk},x,-1"
    async with opened(operator, path) as (socket, accepted, _code):
        assert accepted
        first = json.loads(await socket.receive_from())
        assert first["phone"] == phone.pk
        assert await socket.receive_nothing(0.3)


@pytest.mark.parametrize("page", ["rows", "story", "stage", "board"])
async def test_a_role_taken_away_closes_the_socket_at_the_next_message(
    page, phone, operator, host
):
    async with opened(operator, paths(phone)[page]) as (socket, accepted, _code):
        assert accepted
        await socket.receive_from()
        await Membership.objects.filter(user=operator).adelete()
        await in_thread(host.connect)(phone)
        assert await close_code(socket) == FORBIDDEN


async def test_a_role_lowered_closes_the_qr_page_only(phone, operator, host):
    async with (
        opened(operator, paths(phone)["stage"]) as (stage, _, _a),
        opened(operator, paths(phone)["story"]) as (story, _, _b),
    ):
        await Membership.objects.filter(user=operator).aupdate(role=Role.VIEWER)
        await in_thread(host.connect)(phone)
        assert await close_code(stage) == FORBIDDEN
        assert await message_with(story, "good")


async def test_a_logout_closes_the_socket_at_the_heartbeat(
    phone, operator, monkeypatch
):
    monkeypatch.setattr(watcher, "TICK", 0.1)
    monkeypatch.setattr(watcher, "HEARTBEAT", 0.1)
    async with opened(operator, paths(phone)["story"]) as (socket, _, _code):
        await message_with(socket, "{}")  # a heartbeat with the login in place
        await in_thread(operator.set_password)("another")
        await operator.asave()
        assert await close_code(socket) == FORBIDDEN


@pytest.mark.parametrize("page", ["rows", "story", "stage"])
async def test_an_absurd_number_is_refused(page, phone, operator):
    path = paths(phone)[page].replace(str(phone.pk), "9" * 30)
    async with opened(operator, path) as (_, accepted, code):
        assert (accepted, code) == (False, FORBIDDEN)
