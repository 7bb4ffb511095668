"""A phone of Baileys is taken over from the admin, and watched as it connects."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from phones.models import Role, Status
from tests.acceptance.crossing import Crossing
from tests.acceptance.fleet import Fleet
from tests.acceptance.portal import Visitor, running_browser, running_web
from tests.factories import PASSWORD, make_user

pytestmark = [pytest.mark.baileys, pytest.mark.browser, pytest.mark.sqlite]


@pytest.fixture
def way(fleet: Fleet, peer, tmp_path: Path):
    crossing = Crossing(fleet, peer, tmp_path / "crossing", source="folder")
    yield crossing
    crossing.close()


def test_a_steward_takes_a_phone_over_and_sees_it_connect(
    fleet: Fleet, way, organization, settings
):
    settings.PASSWORD_HASHERS = ["config.hashers.SmallArgon2PasswordHasher"]
    make_user(organization, Role.STEWARD, username="steward")
    fleet.start_host()
    old = way.pair()
    old.send(way.peer_number, "to the number")
    way.peer.wait_for("message")
    lids = way.lid_map(old)
    old.stop()
    queued = [way.hear("one"), way.hear("two")]
    records = shutil.make_archive(str(way.directory / "auth"), "zip", way.records)
    with running_web(fleet) as address, running_browser() as browser:
        visitor = Visitor.sign_in(browser, address, "steward", PASSWORD)
        page = visitor.page
        page.goto(f"{address}/admin/baileys/")
        page.set_input_files("[name=records]", records)
        page.set_input_files("[name=lid_map]", lids)
        page.get_by_role("button", name="Upload and check").click()
        line = page.locator(".sb-import > li")
        expect(line).to_contain_text(f"+{way.number}")
        expect(line).to_contain_text("healthy")
        page.get_by_role("button", name="Take over…").click()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take over", exact=True).click()
        expect(line.locator(".sb-badge")).to_have_text("connected", timeout=20_000)
    assert way.phone.organization == organization
    assert (way.phone.phone_jid, way.phone.status) == (way.jid, Status.CONNECTED)
    assert way.wait_read(*queued) == 0
    way.say("answer")
    assert fleet.device(way.jid)["double_logins"] == 0
