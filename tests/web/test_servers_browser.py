"""The servers' pages in a real browser as narrow as a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import Status
from sessions.models import Host
from tests.web.doubles import HostDouble
from tests.web.pages import LoginPage
from tests.web.server import let_in
from tests.web.test_browser import base, chromium, tab  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NARROW = {"width": 390, "height": 800}


def test_no_page_of_the_servers_is_wider_than_a_phone(
    tab,  # noqa: F811
    base,  # noqa: F811
    superuser,
    phone,
    host,
    tmp_path,
):
    let_in(superuser)
    HostDouble("server-with-a-rather-long-name.example.org").die()
    Host.objects.filter(pk=host.row.pk).update(
        load=1.25,
        memory=204800,
        software_version="0.3.0",
        started_at=timezone.now() - timedelta(hours=3),
        draining=True,
        library_version="neonize 0.5.2",
    )
    host.report(phone, Status.CONNECTED, linked=True)
    page = tab(viewport=NARROW)
    LoginPage(page, base).log_in(superuser.username)
    servers = "/admin/phone_sessions/host/"
    for path in (
        servers,
        f"{servers}{host.row.pk}/change/",
        f"{servers}{host.row.pk}/drain/",
        f"/admin/phones/organizationphone/{phone.pk}/move/",
    ):
        page.goto(base + path)
        page.screenshot(path=tmp_path / f"{path.strip('/').replace('/', '-')}.png")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW["width"], path
