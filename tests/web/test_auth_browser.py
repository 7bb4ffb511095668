"""Auth records, the quarantine and clearing in a real browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from phones.models import Role, Status
from sessions.models import (
    AuthReport,
    BaileysAuth,
    PhoneLease,
    PhoneRequest,
    Quarantine,
)
from tests.factories import make_phone
from tests.web.pages import LoginPage
from tests.web.server import let_in
from tests.web.test_browser import base, chromium, tab  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONES = "/admin/phones/organizationphone/"
WIDTH = 390
KEYS = {"creds": 1, "pre-key-": 60, "session-49151123456.": 25, "sender-key-1::": 4}
Result = PhoneRequest.Result


def fill(phone):
    for beginning, count in KEYS.items():
        names = [f"{beginning}{n}" for n in range(count)] if count > 1 else [beginning]
        BaileysAuth.objects.bulk_create(
            BaileysAuth(
                organization_id=phone.organization_id,
                phone_jid=phone.auth_key,
                key=name,
                value="x" * (200 if beginning == "pre-key-" else 2400),
            )
            for name in names
        )


def report(phone, **fields):
    fields = {"verdict": "healthy", "auth_sequence": 815, **fields}
    AuthReport.objects.update_or_create(phone=phone, defaults=fields)


@pytest.fixture
def steward_tab(tab, base, steward):  # noqa: F811
    """`steward_tab(**window)`: a page on which the steward is logged in."""
    let_in(steward)

    def open_tab(**window):
        page = tab(**window)
        LoginPage(page, base).log_in(steward.username)
        return page

    return open_tab


@pytest.fixture
def linked(phone, host):
    """A phone that runs, with rows and a check that found something."""
    fill(phone)
    host.connect(phone)
    PhoneLease.objects.filter(phone=phone).update(auth_sequence=815, session_pid=4711)
    findings = [
        {"check": "w20", "severity": "damage", "values": {"count": 2, "wrong": "x"}},
        {"check": "w30", "severity": "notice", "values": {"count": 4}},
    ]
    report(phone, verdict="suspicious", findings=findings, host_name="server-1")
    return phone


@pytest.fixture
def kept(phone, steward):
    return Quarantine.objects.create(
        organization_id=phone.organization_id,
        phone=phone,
        phone_jid=phone.auth_key,
        reason="cleared_by_person",
        logged_out=False,
        user=steward,
        row_count=90,
        purge_at=timezone.now() + timedelta(days=6),
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(
    scheme,
    steward_tab,
    base,  # noqa: F811
    linked,
    kept,
    tmp_path,
):
    page = steward_tab(viewport={"width": WIDTH, "height": 844}, color_scheme=scheme)
    quarantine = "/admin/phone_sessions/quarantine/"
    organization = f"/admin/phones/organization/{linked.organization_id}/"
    for name, path in {
        "records": f"{PHONES}{linked.pk}/auth/",
        "phone": f"{PHONES}{linked.pk}/change/",
        "clear": f"{PHONES}{linked.pk}/clear/",
        "clear-organization": f"{organization}clear/",
        "organization": f"{organization}change/",
        "clearing": f"{PHONES}clearing/",
        "quarantine": quarantine,
        "kept": f"{quarantine}{kept.pk}/change/",
        "put-back": f"{quarantine}{kept.pk}/put_back/",
    }.items():
        assert page.goto(base + path).status == 200, path
        page.screenshot(path=tmp_path / f"{name}-{scheme}.png", full_page=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= WIDTH, path


def test_a_check_is_seen_to_come_back(steward_tab, base, linked):  # noqa: F811
    page = steward_tab()
    page.goto(f"{base}{PHONES}{linked.pk}/auth/")
    summary = page.locator('[data-part="summary"]')
    expect(summary).to_contain_text("suspicious")
    page.get_by_role("button", name="Check now").click()
    expect(summary).to_contain_text("A check is on its way")
    report(linked, findings=[])
    PhoneRequest.objects.get(kind="check").close(Result.DONE)
    expect(summary).to_contain_text("Every check holds")
    expect(summary).not_to_contain_text("A check is on its way")


def test_the_name_is_typed_and_the_counts_move(
    steward_tab,
    base,  # noqa: F811
    linked,
    host,
):
    """By keyboard alone, from the confirmation to the last phone."""
    second = host.report(make_phone(linked.organization), Status.HELD, linked=True)
    page = steward_tab()
    page.goto(f"{base}/admin/phones/organization/{linked.organization_id}/clear/")
    expect(page.locator("#word")).to_be_focused()
    page.keyboard.type("something else")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_contain_text("Nothing was cleared")
    assert not PhoneRequest.objects.exists()
    expect(page.locator("#word")).to_be_focused()
    page.keyboard.type("acme")
    page.keyboard.press("Enter")
    states = page.locator(".sb-states")
    expect(states.locator('[data-state="waiting"] b')).to_have_text("2")
    page.get_by_role("link", name=str(second)).focus()
    PhoneRequest.objects.get(phone=linked).close(Result.DONE)
    expect(states.locator('[data-state="done"] b')).to_have_text("1")
    assert page.evaluate("document.activeElement.textContent") == str(second)
    PhoneRequest.objects.get(phone=second).close(Result.FAILED, error="No room.")
    expect(page.locator("h2", has_text="Not every phone")).to_be_visible()
    expect(page.locator('[data-part="clearing"]')).to_contain_text("No room.")
    expect(page.locator("[data-refresh]")).to_have_count(0)


def test_an_operator_reads_and_cannot_clear(
    steward_tab,
    base,  # noqa: F811
    steward,
    linked,
):
    steward.memberships.update(role=Role.OPERATOR)
    page = steward_tab()
    page.goto(f"{base}{PHONES}{linked.pk}/auth/")
    expect(page.get_by_role("button", name="Check now")).to_be_visible()
    expect(page.get_by_role("link", name="Clear auth")).to_have_count(0)
