"""Take over from Baileys, as a steward with a browser does it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from phones.models import Status
from tests.baileys_records.made_up import made_up_phone
from tests.web.pages import LoginPage, PortalPage
from tests.web.server import let_in
from tests.web.test_browser import base, chromium, tab  # noqa: F401
from tests.web.uploading import FIRST, SECOND, damaged_phone, dump_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

THIRD = "77010000103"
NARROW = {"width": 390, "height": 800}


class ImportPage(PortalPage):
    path = "/admin/baileys/"

    def upload(self, content: bytes, name: str = "baileys.json"):
        self.page.set_input_files(
            "[name=records]",
            {"name": name, "mimeType": "application/json", "buffer": content},
        )
        self.page.get_by_role("button", name="Upload and check").click()

    def line(self, number: str):
        return self.page.locator(".sb-import > li", has_text=f"+{number}")

    def narrow_enough(self):
        width = self.page.evaluate("document.documentElement.scrollWidth")
        return width <= self.page.viewport_size["width"]


def test_phones_move_in_before_ones_eyes(
    tab,  # noqa: F811
    base,  # noqa: F811
    steward,
    organization,
    host,
    tmp_path,
):
    let_in(steward)
    page = tab(viewport=NARROW, color_scheme="dark")
    LoginPage(page, base).log_in("steward")
    wizard = ImportPage(page, base).open()
    assert wizard.narrow_enough()
    page.screenshot(path=tmp_path / "start.png", full_page=True)
    wizard.upload(b"Dear all, the dump is attached.", "letter.txt")
    expect(page.get_by_role("alert")).to_contain_text("not JSON")
    phones = (made_up_phone(FIRST), made_up_phone(SECOND), damaged_phone(THIRD))
    wizard.upload(dump_of(*phones))
    # The checks run by themselves; then the page offers the choice.
    expect(wizard.line(FIRST)).to_contain_text("healthy")
    expect(wizard.line(THIRD)).to_contain_text("scan needed")
    expect(wizard.line(THIRD).get_by_role("checkbox")).to_have_count(0)
    assert wizard.narrow_enough()
    page.screenshot(path=tmp_path / "choice.png", full_page=True)
    expect(page.get_by_label("All", exact=True)).to_be_checked()
    box = wizard.line(SECOND).get_by_role("checkbox")
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    page.get_by_role("button", name="Take over…").press("Enter")
    expect(page.locator(".sb-subjects")).to_have_text(re.compile(rf"\s*\+{FIRST}\s"))
    assert wizard.narrow_enough()
    page.screenshot(path=tmp_path / "confirm.png", full_page=True)
    page.get_by_role("button", name="Take over", exact=True).click()
    expect(page).to_have_url(re.compile(r"/take/$"))  # "stopped" has to be ticked
    page.get_by_label(re.compile("Node server is stopped")).check()
    page.get_by_role("button", name="Take over", exact=True).click()
    expect(wizard.line(FIRST)).to_contain_text("stopped")
    wizard.wait_until_live()
    scan = wizard.line(FIRST).get_by_role("link", name="Link by a scan")
    expect(scan).to_be_hidden()
    phone = organization.phones.get()
    host.connect(phone)
    expect(wizard.line(FIRST)).to_contain_text("connected")
    page.screenshot(path=tmp_path / "connected.png", full_page=True)
    host.report(phone, Status.LOGGED_OUT, linked=False, cause="p1")
    expect(scan).to_be_visible()
    assert wizard.narrow_enough()
    page.screenshot(path=tmp_path / "refused.png", full_page=True)
    scan.click()
    expect(page).to_have_url(re.compile(rf"/{phone.pk}/link/$"))
