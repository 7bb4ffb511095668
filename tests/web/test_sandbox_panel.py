"""The sandbox's panel, against a sandbox that runs."""

from __future__ import annotations

import json

import pytest

from sessions import verbs
from sessions.admin.sandbox import FAULTS, REFUSALS

PANEL = "/admin/sandbox/"
DRILL = "/admin/sandbox/drill/"


@pytest.fixture
def panel(sandbox, settings, tmp_path):
    """The sandbox of the test run, as the settings of a sandbox portal name it."""
    (tmp_path / "sandbox.json").write_text(json.dumps(sandbox.description))
    settings.SANDBOX = True
    settings.WHATSAPP_SANDBOX_DIR = str(tmp_path)
    return sandbox


@pytest.fixture
def account(panel, phone):
    panel.accounts(phone.phone_number, "Aigerim")
    yield phone.phone_number
    panel.forget(phone.phone_number)


def last_event(panel):
    return max((event["id"] for event in panel.events()), default=0)


def scan_url(phone):
    return f"/admin/sandbox/scan/{phone.pk}/"


def messages_of(answer):
    return {message.level_tag: str(message) for message in answer.context["messages"]}


@pytest.mark.parametrize("path", [PANEL, DRILL, "/admin/sandbox/scan/1/"])
def test_outside_the_sandbox_it_is_not_there(path, browse, superuser, settings):
    settings.SANDBOX = False
    client = browse(superuser)
    assert client.get(path).status_code in {404, 405}
    assert client.post(path).status_code in {404, 405}


def test_a_viewer_may_not_drill(browse, viewer, phone, settings):
    settings.SANDBOX = True
    client = browse(viewer)
    assert client.get(PANEL).status_code == 403
    assert client.post(DRILL, {"number": phone.phone_number}).status_code == 403
    assert client.post(scan_url(phone)).status_code == 403


def test_it_says_when_no_sandbox_runs(browse, operator, settings, tmp_path):
    settings.SANDBOX = True
    settings.WHATSAPP_SANDBOX_DIR = str(tmp_path)
    body = browse(operator).get(PANEL).content.decode()
    assert "The sandbox does not answer" in body


def test_operators_see_the_accounts_of_their_phones(
    browse, operator, stranger, superuser, account
):
    assert "Aigerim" in browse(operator).get(PANEL).content.decode()
    assert "Aigerim" not in browse(stranger).get(PANEL).content.decode()
    assert "Aigerim" in browse(superuser).get(PANEL).content.decode()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_reaches_the_sandbox(fault, browse, operator, panel, account):
    before = last_event(panel)
    data = {"number": account, "act": fault}
    answer = browse(operator).post(DRILL, data, follow=True)
    assert "success" in messages_of(answer)
    (event,) = [e for e in panel.events(before) if e["kind"] == "fault"]
    assert (event["fault"], event["number"]) == (FAULTS[fault][1]["kind"], account)


@pytest.mark.parametrize("code", REFUSALS)
def test_logins_are_refused_with_a_code(code, browse, operator, panel, account):
    data = {"number": account, "act": "refuse", "code": str(code)}
    answer = browse(operator).post(DRILL, data, follow=True)
    assert "success" in messages_of(answer)
    faults = [f for f in panel.state()["faults"] if f.get("number") == account]
    assert str(code) in str(faults)
    panel.fault("allow_login", number=account)


@pytest.mark.parametrize(
    "data",
    [{"act": "format_disk"}, {"act": "refuse", "code": "999"}, {"act": "refuse"}, {}],
)
def test_what_is_no_drill_is_refused(data, browse, operator, panel, account):
    assert browse(operator).post(DRILL, {"number": account, **data}).status_code == 404


def test_foreign_accounts_are_not_drilled(browse, stranger, panel, account):
    before = last_event(panel)
    client = browse(stranger)
    data = {"number": account, "act": "drop"}
    assert client.post(DRILL, data).status_code == 404
    own = stranger.memberships.get().organization.phones.get().phone_number
    jid = f"{account}:1@s.whatsapp.net"
    data = {"number": own, "act": "unlink", "jid": jid}
    assert client.post(DRILL, data).status_code == 404
    assert not [e for e in panel.events(before) if e["kind"] in {"fault", "unlinked"}]


def test_a_drill_that_cannot_be_done_says_why(browse, operator, panel, account):
    data = {"number": account, "act": "unlink", "jid": f"{account}:9@s.whatsapp.net"}
    answer = browse(operator).post(DRILL, data, follow=True)
    assert messages_of(answer)["error"]


def test_without_a_code_there_is_nothing_to_scan(browse, operator, phone, panel):
    answer = browse(operator).post(scan_url(phone), follow=True)
    assert "No code" in messages_of(answer)["error"]


def test_a_code_that_waits_can_be_scanned_by_one_click(
    browse, operator, phone, panel, host
):
    """The sandbox did not give this code, and says so: the click reached it."""
    host.show_code(verbs.link(phone, operator))
    client = browse(operator)
    body = client.get(PANEL).content.decode()
    assert f'action="{scan_url(phone)}"' in body
    answer = client.post(scan_url(phone), {"next": PANEL}, follow=True)
    assert answer.request["PATH_INFO"] == PANEL
    assert "code" in messages_of(answer)["error"]


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_it_does_not_lead_astray(target, browse, operator, phone, panel):
    answer = browse(operator).post(scan_url(phone), {"next": target})
    assert answer["Location"].startswith("/admin/")


def test_a_foreign_phone_is_not_scanned(browse, stranger, phone, panel):
    assert browse(stranger).post(scan_url(phone)).status_code == 404


def test_the_panel_is_in_the_sidebar_of_the_sandbox_only(
    browse, operator, phone, settings
):
    client = browse(operator)
    for sandbox in (True, False):
        settings.SANDBOX = sandbox
        assert (PANEL in client.get("/admin/").content.decode()) == sandbox
