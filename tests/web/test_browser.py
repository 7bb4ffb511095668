"""The live pages in a real browser, on a web process of its own."""

from __future__ import annotations

import os
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from metrics.models import ConnectionMetrics
from phones.models import Role, Status
from sessions import verbs
from sessions.models import Incident, PairingState, Wish
from tests.house_rules import CHROMIUM
from tests.web.doubles import CODE
from tests.web.pages import LoginPage, PhoneList, PhonePage, ScanPage
from tests.web.server import let_in, running_portal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def base(django_db_setup, django_db_blocker, tmp_path_factory):
    with (
        django_db_blocker.unblock(),
        running_portal(tmp_path_factory.mktemp("portal")) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def chromium():
    # Not for the whole run: its loop in this thread would stop asyncio tests.
    with sync_playwright() as playwright:
        sandboxed = [] if os.geteuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandboxed)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture
def tab(chromium):
    """`tab(**context)`: a new page that fails the test on any error in its console."""
    contexts, errors = [], []

    def open_tab(**options):
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on(
            "console",
            lambda message: (
                errors.append(message.text) if message.type == "error" else None
            ),
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert errors == []


def test_badges_change_while_one_looks(tab, base, operator, phone, host):
    let_in(operator)
    page = tab()
    LoginPage(page, base).log_in("operator")
    phones = PhoneList(page, base).open().wait_until_live()
    expect(phones.badge(phone.pk)).to_have_text("new")
    host.connect(phone)
    expect(phones.badge(phone.pk)).to_have_text("connected")
    host.report(phone, Status.HELD, linked=True, cause="r1")
    expect(phones.badge(phone.pk).locator(".sb-badge")).to_have_attribute(
        "data-tone", "bad"
    )
    expect(phones.cause(phone.pk)).to_contain_text("Another program")


def test_the_dashboard_follows(tab, base, operator, phone, host):
    let_in(operator)
    page = tab()
    board = LoginPage(page, base).log_in("operator").wait_until_live()
    expect(board.count("new")).to_have_text("1")
    expect(board.attention).to_have_count(0)
    ConnectionMetrics.objects.create(phone=phone, event="disconnected", error_code=428)
    host.report(phone, Status.HELD, linked=True, cause="r1")
    expect(board.count("new")).to_have_text("0")
    expect(board.count("held")).to_have_text("1")
    expect(board.attention).to_contain_text("Another program")
    expect(board.losses).to_have_count(1)
    host.connect(phone)
    expect(board.attention).to_have_count(0)


def test_a_phone_is_linked_before_ones_eyes(tab, base, operator, phone, host, scheme):
    """Press Link, read the code off the screen, and watch it become Linked."""
    let_in(operator)
    page = tab(color_scheme=scheme)
    LoginPage(page, base).log_in("operator")
    PhonePage(page, base, phone.pk).open().wait_until_live().press("link")
    scan = ScanPage(page, base, phone.pk).wait_until_live().in_state("requested")
    pairing = phone.pairings.get()
    host.show_code(pairing, seconds=60)
    scan.in_state("qr")
    assert page.evaluate("document.documentElement.classList.contains('dark')") == (
        scheme == "dark"
    )
    assert scan.read_code() == CODE
    expect(scan.stage.locator("[data-until]")).to_have_text(
        re.compile(r"00:[2-5]\d|01:00")
    )
    expect(scan.new_code).to_be_hidden()
    host.pair(pairing, PairingState.LINKING)
    scan.in_state("linking")
    assert scan.read_code() == ""
    host.finish(pairing)
    scan.in_state("online")
    expect(scan.stage).to_contain_text("connected")


def test_a_code_disappears_when_its_time_is_over(tab, base, operator, phone, host):
    """Also when nothing more comes from the server."""
    let_in(operator)
    page = tab()
    page.clock.install()
    LoginPage(page, base).log_in("operator")
    pairing = verbs.link(phone, operator)
    scan = ScanPage(page, base, phone.pk).open().wait_until_live()
    host.show_code(pairing, seconds=60)
    scan.in_state("qr")
    expect(scan.code).to_be_visible()
    page.clock.fast_forward(60_000)
    expect(scan.code).to_be_hidden()
    expect(scan.stage).to_contain_text("This code is over")


def test_an_expired_code_is_asked_for_again(tab, base, operator, phone, host):
    let_in(operator)
    pairing = verbs.link(phone, operator)
    page = tab()
    LoginPage(page, base).log_in("operator")
    scan = ScanPage(page, base, phone.pk).open().wait_until_live()
    host.pair(pairing, PairingState.EXPIRED, cause="q1", error_code=408)
    scan.in_state("expired")
    expect(scan.stage).to_contain_text("if four devices are listed")
    scan.new_code.click()
    scan.in_state("requested")
    assert phone.pairings.count() == 2


def test_buttons_follow_the_status(tab, base, operator, phone, host):
    let_in(operator)
    page = tab()
    LoginPage(page, base).log_in("operator")
    view = PhonePage(page, base, phone.pk).open().wait_until_live()
    expect(view.button("link")).to_be_visible()
    expect(view.button("stop")).to_be_hidden()
    host.connect(phone)
    expect(view.button("stop")).to_be_visible()
    expect(view.button("link")).to_be_hidden()
    view.press("stop")
    expect(page.locator("body")).to_contain_text("Asked to stop")
    assert Wish.objects.get(phone=phone).desired == Wish.Desired.STOP


@pytest.mark.parametrize(
    "path",
    ["", "phones/organizationphone/", "causes/", "causes/q4/", "change", "qr"],
)
def test_a_narrow_screen_is_not_wider_than_itself(
    path, tab, base, operator, phone, host
):
    let_in(operator)
    operator.memberships.update(role=Role.STEWARD)  # sees the most of a phone
    host.show_code(verbs.link(phone, operator))
    page = tab(viewport={"width": 390, "height": 844}, has_touch=True)
    LoginPage(page, base).log_in("operator")
    if path in ("change", "qr"):
        path = f"phones/organizationphone/{phone.pk}/{path}/"
    page.goto(f"{base}/admin/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if path.endswith("qr/"):
        assert ScanPage(page, base, phone.pk).read_code() == CODE


@pytest.mark.parametrize("path", ["", "phones/organizationphone/", "list", "incident"])
def test_an_incident_is_read_on_a_narrow_dark_screen(
    path, tab, base, superuser, phone, host
):
    let_in(superuser)
    incident = Incident.objects.create(
        kind="unreachable",
        cause="n3",
        message="dns",
        next_probe_at=timezone.now() + timedelta(seconds=15),
    )
    host.report(phone, Status.WAITING, rule="incident", incident=incident)
    page = tab(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    LoginPage(page, base).log_in("root")
    rows = "phone_sessions/incident/"
    path = {"list": rows, "incident": f"{rows}{incident.pk}/change/"}.get(path, path)
    page.goto(f"{base}/admin/{path}")
    expect(page.locator("body")).to_contain_text("WhatsApp cannot be reached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_banner_of_an_incident_comes_and_goes(tab, base, operator, phone, host):
    let_in(operator)
    page = tab()
    LoginPage(page, base).log_in("operator")
    PhoneList(page, base).open().wait_until_live()
    banner = page.locator(".sb-incident")
    expect(banner).to_have_count(0)
    incident = Incident.objects.create(kind="outdated", cause="o1")
    host.report(phone, Status.WAITING, rule="incident", incident=incident)
    expect(banner).to_contain_text("1 phone of Acme")
    host.connect(phone, rule="", incident=None)
    expect(banner).to_have_count(0)


def test_rights_that_end_are_said_on_the_open_page(tab, base, operator, phone, host):
    let_in(operator)
    page = tab()
    LoginPage(page, base).log_in("operator")
    PhonePage(page, base, phone.pk).open().wait_until_live()
    operator.memberships.all().delete()
    host.connect(phone)
    expect(page.locator("[data-wire]")).to_have_attribute("data-wire", "forbidden")
    expect(page.locator("[data-wire]")).to_contain_text("reload")


def test_it_is_used_by_keyboard(tab, base, operator, phone, host):
    """Tab reaches the button, Enter opens the confirmation and confirms it."""
    let_in(operator)
    host.connect(phone)
    page = tab()
    LoginPage(page, base).log_in("operator")
    view = PhonePage(page, base, phone.pk).open().wait_until_live()
    view.button("restart").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.verb") == "stop"
    page.keyboard.press("Enter")
    expect(page.locator(".sb-confirm form button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("Asked to stop")
