"""A person links a phone: portal, host, real client, a real browser's pixels."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from phones.models import Role, Status
from sessions.models import Pairing, PairingState, SessionFacts
from sessions.sandbox.codes import FIRST_REF_SECONDS
from tests.acceptance.fleet import Fleet
from tests.acceptance.portal import Visitor, running_browser, running_web
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


@pytest.fixture
def address(fleet: Fleet):
    with running_web(fleet) as address:
        yield address


@pytest.fixture
def person(organization, settings):
    """Signs in at a process that has the product's own hashers."""
    settings.PASSWORD_HASHERS = ["config.hashers.SmallArgon2PasswordHasher"]
    return make_user(organization, Role.OPERATOR, username="operator")


@pytest.fixture
def visitor(browser, address, person):
    visitor = Visitor.sign_in(browser, address, "operator", PASSWORD)
    yield visitor
    visitor.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_code_is_read_from_the_pixels_and_the_page_says_connected_by_itself(
    fleet: Fleet, browser, address, phone, person, scheme
):
    fleet.start_host()
    visitor = Visitor.sign_in(
        browser, address, "operator", PASSWORD, color_scheme=scheme
    )
    visitor.start_link(phone.pk)
    visitor.wait_stage("qr")
    loads = []
    visitor.page.on("framenavigated", lambda frame: loads.append(frame.url))
    code = fleet.wait(visitor.read_code, "a code that a camera can read")
    assert code == fleet.wait_code(phone)
    jid = fleet.sandbox.scan(code, phone.phone_number)
    visitor.wait_stage("online")
    stage = visitor.page.locator(".sb-stage")
    expect(stage).to_contain_text("connected")
    assert visitor.read_code() == ""
    assert loads == []
    phone.refresh_from_db()
    assert (phone.status, phone.phone_jid) == (Status.CONNECTED, jid)
    assert phone.qr_code is None
    visitor.page.context.close()


@pytest.mark.timeout(240)
def test_ten_reloads_and_five_pages_leave_one_pairing_one_process_one_device(
    fleet: Fleet, visitor, phone
):
    host = fleet.start_host()
    fleet.sandbox.reset_statistics()
    began = time.monotonic()
    visitor.start_link(phone.pk)
    visitor.wait_stage("qr")
    code = fleet.wait_code(phone)
    pid = fleet.session_pid(phone)
    for _ in range(10):
        visitor.page.reload(wait_until="domcontentloaded")
        visitor.wait_stage("qr")
    tabs = [visitor.another_tab() for _ in range(5)]
    for tab in tabs:
        tab.open_qr(phone.pk)
        tab.wait_stage("qr")
        tab.confirm_link(phone.pk)  # as one who opened the question before
        tab.wait_stage("qr")
    assert Pairing.objects.filter(phone=phone).count() == 1
    now = fleet.wait_code(phone)
    # After its minute the client shows the next one by itself.
    assert now == code or time.monotonic() - began >= FIRST_REF_SECONDS
    assert fleet.session_pid(phone) == pid
    assert host.session_pids() == [pid]
    fleet.sandbox.scan(now, phone.phone_number)
    for tab in tabs:
        tab.wait_stage("online")
    account = next(
        account
        for account in fleet.sandbox.state()["accounts"]
        if account["number"] == phone.phone_number
    )
    assert len(account["devices"]) == 1
    assert fleet.sandbox.state()["statistics"]["pairings"] == 1


def test_a_code_nobody_scans_ends_as_408_with_a_button_for_a_new_one(
    fleet: Fleet, visitor, phone
):
    fleet.start_host()
    fleet.sandbox.settings(qr_window_seconds=2)
    try:
        visitor.start_link(phone.pk)
        visitor.wait_stage("expired")
    finally:
        fleet.sandbox.settings(qr_window_seconds=180)
    expect(visitor.page.locator(".sb-stage")).to_contain_text("408")
    visitor.page.get_by_role("button", name="New code").click()
    visitor.wait_stage("qr")
    assert Pairing.objects.filter(phone=phone).count() == 2
    assert fleet.pairing(phone).state == PairingState.QR


def test_without_a_server_the_page_says_what_to_start(fleet: Fleet, visitor, phone):
    visitor.start_link(phone.pk)
    visitor.wait_stage("no_host")
    expect(visitor.page.locator(".sb-stage")).to_contain_text("manage.py run_sessions")


def test_a_form_opened_before_the_phone_connected_changes_only_its_own_fields(
    fleet: Fleet, visitor, phone, person
):
    person.memberships.update(role=Role.STEWARD)
    fleet.start_host()
    visitor.open_phone(phone.pk)
    visitor.page.fill("[name=phone_number]", f"+{phone.phone_number}")
    fleet.link(phone)
    before = SessionFacts.objects.values().get(phone=phone)
    visitor.page.click("[name=_save]")
    visitor.page.wait_for_url("**/organizationphone/")
    jid = phone.phone_jid
    phone.refresh_from_db()
    assert (phone.status, phone.phone_jid) == (Status.CONNECTED, jid)
    after = SessionFacts.objects.values().get(phone=phone)
    assert (after["linked"], after["connected_at"]) == (
        before["linked"],
        before["connected_at"],
    )
