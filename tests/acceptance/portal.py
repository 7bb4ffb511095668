"""The portal as a person uses it: a web process and a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.acceptance.fleet import Fleet
from tests.camera import read_qr
from tests.processes import PATIENCE, ROOT, wait_until
from tests.web.server import answers

expect.set_options(timeout=1000 * PATIENCE)

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LOADED = "domcontentloaded"


@contextmanager
def running_web(fleet: Fleet) -> Iterator[str]:
    """daphne on a free port of 127.0.0.1; yields its address."""
    env = fleet.environment(fleet.directory / "web")
    # Bound here: a port that was only looked for may be taken until daphne binds it.
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        (fleet.directory / "web.log").open("wb") as log,
    ):
        fd, port = listener.fileno(), listener.getsockname()[1]
        command = [sys.executable, "-m", "daphne", "-v0", "--fd", str(fd)]
        web = subprocess.Popen(
            [*command, "config.asgi:application"],
            cwd=ROOT,
            env=env | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[fd],
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: web.poll() is not None or answers(address), "the web's start", 60
        )
        assert web.poll() is None, (fleet.directory / "web.log").read_text()
        yield address
    finally:
        web.terminate()
        web.wait(20)


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """One person at one window."""

    page: Page
    address: str

    @classmethod
    def sign_in(
        cls,
        browser: Browser,
        address: str,
        username: str,
        password: str,
        **window: object,
    ) -> Visitor:
        context = browser.new_context(**window)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{address}/admin/login/", wait_until=LOADED)
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url("**/admin/")
        return cls(page, address)

    def another_tab(self) -> Visitor:
        return Visitor(self.page.context.new_page(), self.address)

    def open_phone(self, phone_id: int) -> None:
        path = f"/admin/phones/organizationphone/{phone_id}/change/"
        self.page.goto(self.address + path, wait_until=LOADED)

    def open_qr(self, phone_id: int) -> None:
        path = f"/admin/phones/organizationphone/{phone_id}/qr/"
        self.page.goto(self.address + path, wait_until=LOADED)

    def start_link(self, phone_id: int) -> None:
        """Press Link on the phone's page and confirm."""
        self.open_phone(phone_id)
        self.page.click("a[data-verb=link]")
        self._confirm()

    def confirm_link(self, phone_id: int) -> None:
        """The same for a page that still offers what another one has done."""
        path = f"/admin/phones/organizationphone/{phone_id}/link/"
        self.page.goto(self.address + path, wait_until=LOADED)
        self._confirm()

    def _confirm(self) -> None:
        self.page.click(".sb-confirm form button")
        self.page.wait_for_url("**/qr/")

    def wait_stage(self, state: str, patience: float = 20.0) -> None:
        self.page.wait_for_selector(
            f".sb-stage[data-state={state}]", timeout=1000 * patience
        )

    def read_code(self) -> str:
        """The QR text, decoded from the pixels of a screenshot; "" if none is seen."""
        pixels = np.frombuffer(self.page.screenshot(), np.uint8)
        picture = cv2.imdecode(pixels, cv2.IMREAD_COLOR)
        assert picture is not None
        return read_qr(picture)
