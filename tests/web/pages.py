"""Pages of the portal as a person in front of a browser knows them."""

from __future__ import annotations

import re

import cv2
import numpy
from playwright.sync_api import Page, expect

from tests.camera import read_qr
from tests.factories import PASSWORD
from tests.processes import PATIENCE

expect.set_options(timeout=1000 * PATIENCE)


class PortalPage:
    """A page of the portal at `base`, for example http://127.0.0.1:8000."""

    path = "/admin/"

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base

    def open(self):
        self.page.goto(self.base + self.path)
        return self

    def wait_until_live(self):
        """The socket is open: what changes from now on is shown."""
        expect(self.page.locator("[data-wire]").first).to_have_attribute(
            "data-wire", "live"
        )
        return self

    def picture(self):
        """The pixels of the whole page, grey."""
        png = self.page.screenshot(full_page=True)
        return cv2.imdecode(numpy.frombuffer(png, numpy.uint8), cv2.IMREAD_GRAYSCALE)


class LoginPage(PortalPage):
    path = "/admin/login/"

    def log_in(self, username: str, password: str = PASSWORD):
        self.open()
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", password)
        self.page.get_by_role("button", name=re.compile("Log in|Войти")).click()
        expect(self.page).to_have_url(re.compile(r"/admin/$"))
        return Dashboard(self.page, self.base)


class Dashboard(PortalPage):
    def count(self, status: str):
        return self.page.locator(f'[data-count="{status}"]')

    @property
    def attention(self):
        return self.page.locator("[data-attention] > li")

    @property
    def losses(self):
        return self.page.locator("[data-losses] > li")


class PhoneList(PortalPage):
    path = "/admin/phones/organizationphone/"

    def badge(self, phone_id: int):
        return self.page.locator(f'[data-slot="phone-{phone_id}-status"]')

    def cause(self, phone_id: int):
        return self.page.locator(f'[data-slot="phone-{phone_id}-cause"]')


class PhonePage(PortalPage):
    def __init__(self, page: Page, base: str, phone_id: int) -> None:
        super().__init__(page, base)
        self.path = f"/admin/phones/organizationphone/{phone_id}/change/"
        self.story = page.locator(f'[data-slot="phone-{phone_id}-story"]')

    def button(self, verb: str):
        return self.page.locator(f'[data-verb="{verb}"]')

    def press(self, verb: str):
        """The button, and the one that confirms it."""
        self.button(verb).click()
        self.page.locator(".sb-confirm form button").click()


class ScanPage(PortalPage):
    def __init__(self, page: Page, base: str, phone_id: int) -> None:
        super().__init__(page, base)
        self.path = f"/admin/phones/organizationphone/{phone_id}/qr/"
        self.stage = page.locator(f'[data-slot="phone-{phone_id}-stage"]')
        self.code = page.locator(".sb-qr svg")
        self.new_code = page.get_by_role(
            "button", name=re.compile("New code|Новый код")
        )
        self.simulated_scan = page.locator('button[value="scan"]')

    def in_state(self, state: str):
        expect(self.stage.locator(".sb-stage")).to_have_attribute("data-state", state)
        return self

    def read_code(self) -> str:
        """The text that a camera reads off the screen; empty when there is none."""
        text = read_qr(self.picture())
        return text
