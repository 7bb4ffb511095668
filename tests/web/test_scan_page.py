"""The QR page: every state of a pairing, and that looking changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, OrganizationPhone, Role, Status
from sessions import verbs
from sessions.models import Pairing, PairingState, SessionFacts
from tests.factories import make_user


def url(phone, verb="qr"):
    return f"/admin/phones/organizationphone/{phone.pk}/{verb}/"


@pytest.fixture
def pairing(phone, operator):
    return verbs.link(phone, operator)


def page(client, phone):
    answer = client.get(url(phone))
    assert answer.status_code == 200
    return answer.context["stage"], answer.content.decode()


def button_is_shown(body):
    form = body[body.index('<form method="post" action="/admin/phones/') :]
    return " hidden" not in form[: form.index(">")]


def test_a_phone_that_nobody_links_offers_a_code(browse, operator, phone):
    stage, body = page(browse(operator), phone)
    assert stage.state == "none"
    assert button_is_shown(body)


def test_looking_starts_nothing(browse, operator, phone):
    client = browse(operator)
    for _ in range(3):
        page(client, phone)
    assert not Pairing.objects.exists()
    assert not AuditEntry.objects.exists()


def test_no_server_is_said_at_once(browse, operator, phone, pairing):
    stage, body = page(browse(operator), phone)
    assert stage.state == "no_host"
    assert "run_sessions" in body
    assert not button_is_shown(body)


def test_a_server_that_lives_is_waited_for(browse, operator, phone, pairing, host):
    stage, body = page(browse(operator), phone)
    assert stage.state == "requested"
    assert "Waiting for a server" in body


def test_a_link_nobody_claimed_ends_when_the_page_is_opened(
    browse, operator, phone, pairing
):
    Pairing.objects.update(expires_at=timezone.now())
    stage, body = page(browse(operator), phone)
    assert (stage.state, stage.pairing.cause) == ("no_host_ended", "no_host")
    assert "run_sessions" in body
    assert button_is_shown(body)


def test_the_code_is_a_picture_with_its_place_and_its_end(
    browse, operator, phone, pairing, host
):
    host.show_code(pairing, k=2, seconds=20)
    stage, body = page(browse(operator), phone)
    assert stage.state == "qr"
    assert "<svg" in body
    assert "Code 2 of 6" in body
    assert Pairing.objects.get().valid_until.isoformat() in body
    assert "Started by operator" in body
    assert "server-1" in body
    assert "linked_devices#" not in body
    assert not button_is_shown(body)


def test_reloading_and_a_second_reader_see_the_same_code(
    browse, operator, steward, phone, pairing, host
):
    host.show_code(pairing)
    first = page(browse(operator), phone)[0].svg
    assert page(browse(operator), phone)[0].svg == first
    assert page(browse(steward), phone)[0].svg == first
    assert Pairing.objects.count() == 1


def test_a_code_that_is_over_is_not_shown(browse, operator, phone, pairing, host):
    host.show_code(pairing, seconds=-1)
    stage, body = page(browse(operator), phone)
    assert stage.state == "between"
    assert "<svg" not in body


def test_a_server_that_dies_while_linking_is_said(
    browse, operator, phone, pairing, host
):
    host.show_code(pairing)
    host.die()
    stage, body = page(browse(operator), phone)
    assert stage.state == "no_host"
    assert "<svg" not in body


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PairingState.STARTING, "Asking WhatsApp"),
        (PairingState.LINKING, "Scanned"),
        (PairingState.PAIRED, "Nothing more is to be scanned"),
        (PairingState.RESTARTING, "first login"),
    ],
)
def test_each_step_is_named(state, words, browse, operator, phone, pairing, host):
    host.pair(pairing, state)
    stage, body = page(browse(operator), phone)
    assert stage.state == state
    assert words in body
    assert not button_is_shown(body)


def test_linked_shows_the_status(browse, operator, phone, pairing, host):
    host.finish(pairing)
    stage, body = page(browse(operator), phone)
    assert stage.state == "online"
    assert "connected" in body
    assert "<svg" not in body
    assert not button_is_shown(body)


def test_408_has_a_button_and_the_hint_of_four_devices(
    browse, operator, phone, pairing, host
):
    host.report(phone, Status.NEW, linked=False, cause="q1")
    host.pair(pairing, PairingState.EXPIRED, cause="q1", error_code=408)
    stage, body = page(browse(operator), phone)
    assert stage.state == "expired"
    assert "408" in body
    assert "four" in body
    assert button_is_shown(body)


def test_a_wrong_number_is_named_while_and_after_it_is_undone(
    browse, operator, phone, pairing, host
):
    host.pair(pairing, PairingState.LINKING, linked_number="4915112345678")
    stage, body = page(browse(operator), phone)
    assert stage.state == "undoing"
    assert "+4915112345678" in body
    host.pair(pairing, PairingState.FAILED, cause="q5", linked_number="4915112345678")
    stage, body = page(browse(operator), phone)
    assert stage.state == "wrong"
    assert "+4915112345678 was linked instead of +77054810862" in body
    assert button_is_shown(body)


def test_another_spelling_of_the_number_is_not_wrong(browse, operator, phone, host):
    OrganizationPhone.objects.filter(pk=phone.pk).update(phone_number="87054810862")
    pairing = verbs.link(phone, operator)
    host.pair(pairing, PairingState.PAIRED, linked_number="77054810862")
    assert page(browse(operator), phone)[0].state == "paired"


@pytest.mark.parametrize("cause", ["q2", "q4", "u5", "refused", "pairing_interrupted"])
def test_a_failure_has_its_sentence(cause, browse, operator, phone, pairing, host):
    from sessions.policy.causes import sentence

    host.pair(pairing, PairingState.FAILED, cause=cause)
    stage, body = page(browse(operator), phone)
    assert stage.state == "failed"
    assert stage.sentence == sentence(cause, {})
    assert "Linking failed" in body
    assert button_is_shown(body)


def test_an_old_phone_gets_a_hint_beside_the_code(
    browse, operator, phone, pairing, host
):
    host.show_code(pairing)
    SessionFacts.objects.update_or_create(phone=phone, defaults={"cause": "q3"})
    stage, body = page(browse(operator), phone)
    assert stage.state == "qr"
    assert "Update WhatsApp" in body
    assert "<svg" in body


def test_a_new_code_is_a_post_and_makes_a_new_attempt(
    browse, operator, phone, pairing, host
):
    host.pair(pairing, PairingState.EXPIRED, cause="q1", ended_at=timezone.now())
    answer = browse(operator).post(url(phone, "link"))
    assert answer["Location"] == url(phone)
    assert Pairing.objects.active().count() == 1
    assert Pairing.objects.count() == 2


def test_after_a_logout_the_old_success_is_not_shown(
    browse, operator, phone, pairing, host
):
    host.finish(pairing)
    host.report(phone, Status.LOGGED_OUT, linked=False, cause="u1")
    stage, body = page(browse(operator), phone)
    assert stage.state == "none"
    assert "unlinked on the phone" in body
    assert button_is_shown(body)


def test_who_started_it_may_be_the_command_line(browse, operator, phone, host):
    verbs.link(phone)
    assert "Started by the command line" in page(browse(operator), phone)[1]


def test_a_viewer_does_not_get_the_page(browse, organization, phone):
    viewer = make_user(organization, Role.VIEWER)
    assert browse(viewer).get(url(phone)).status_code == 403


def test_the_page_cannot_be_posted_to_or_kept(browse, operator, phone):
    client = browse(operator)
    assert client.post(url(phone)).status_code == 405
    assert "no-store" in client.get(url(phone))["Cache-Control"]


@pytest.mark.parametrize("sandbox", [True, False])
def test_the_simulated_scan_is_offered_in_the_sandbox_only(
    sandbox, browse, operator, phone, pairing, host, settings
):
    settings.SANDBOX = sandbox
    host.show_code(pairing)
    _, body = page(browse(operator), phone)
    assert (f"/admin/sandbox/scan/{phone.pk}/" in body) == sandbox
    assert ("Sandbox: no real WhatsApp here" in body) == sandbox


def test_the_countdown_is_given_in_server_time(browse, operator, phone, pairing, host):
    until = timezone.now() + timedelta(seconds=20)
    host.show_code(pairing, seconds=20)
    stage, body = page(browse(operator), phone)
    assert abs(stage.pairing.valid_until - until) < timedelta(seconds=2)
    assert "data-until" in body
    assert "data-over" in body
