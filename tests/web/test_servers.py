"""The servers' pages: what a superuser sees and can tell a server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Status
from sessions.models import Host, PhoneLease, Wish
from tests.factories import make_phone
from tests.web.doubles import HostDouble

LIST = "/admin/phone_sessions/host/"
PHONES = "/admin/phones/organizationphone/"


@pytest.fixture(autouse=True)
def several_hosts(settings):
    """SQLite serves one host in the product; the pages are the same."""
    settings.WHATSAPP_SINGLE_HOST = False


@pytest.fixture
def page(browse, superuser):
    return browse(superuser)


@pytest.fixture
def other(db):
    return HostDouble("server-2")


def url(host: HostDouble, act: str = "change") -> str:
    return f"{LIST}{host.row.pk}/{act}/"


def keep(host: HostDouble, phone):
    """The phone runs on this host, with a lease that is valid."""
    host.report(phone, Status.CONNECTED, linked=True)
    PhoneLease.objects.filter(phone=phone).update(
        expires_at=timezone.now() + timedelta(hours=1), taken_at=timezone.now()
    )
    Wish.objects.update_or_create(phone=phone, defaults={"desired": "run"})
    return phone


def text(answer) -> str:
    return answer.content.decode()


def test_without_a_server_the_list_says_how_to_start_one(page):
    assert "manage.py run_sessions" in text(page.get(LIST))


def test_the_list_tells_how_each_server_is(page, host, other, phone):
    keep(host, phone)
    Host.objects.filter(pk=host.row.pk).update(
        load=1.25, memory=2048, software_version="9.9", draining=True
    )
    other.die()
    listed = text(page.get(LIST))
    for word in ("1 / 10", "1.25", "2.0", "9.9", "draining", "silent"):
        assert word in listed


def test_a_servers_page_lists_its_phones(page, host, phone):
    keep(host, phone)
    shown = text(page.get(url(host)))
    assert str(phone) in shown
    assert url(host, "drain") in shown
    assert "readonly" not in shown  # the raw columns are not repeated


@pytest.mark.parametrize("act", ["drain", "end_drain", "forget"])
def test_only_superusers_tell_servers_anything(browse, steward, host, other, act):
    client = browse(steward)
    assert client.get(url(host, act)).status_code == 403
    assert client.post(url(host, act)).status_code == 403
    assert not AuditEntry.objects.exists()


def test_a_drain_is_confirmed_done_and_ended(page, host, other, phone):
    keep(host, phone)
    asked = text(page.get(url(host, "drain")))
    assert "1 phone goes to the other servers" in asked
    assert not Host.objects.filter(draining=True).exists()
    page.post(url(host, "drain"))
    assert Host.objects.get(draining=True).pk == host.row.pk
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.organization, entry.detail) == (
        "drain",
        None,
        {"server": "server-1"},
    )
    assert "Drained the server" in text(page.get("/admin/phones/auditentry/"))
    page.post(url(host, "end_drain"))
    assert not Host.objects.filter(draining=True).exists()


def test_a_drain_says_how_many_have_no_room(page, host, other, organization):
    for _ in range(3):
        keep(host, make_phone(organization))
    Host.objects.filter(pk=other.row.pk).update(capacity=1)
    assert "room for 1 phone only" in text(page.get(url(host, "drain")))


def test_the_only_server_cannot_be_drained(page, host, phone):
    keep(host, phone)
    assert "No other running server has room" in text(page.get(url(host, "drain")))
    refused = page.post(url(host, "drain"), follow=True)
    assert "No other running server has room" in text(refused)
    assert not Host.objects.filter(draining=True).exists()


def test_a_silent_server_is_forgotten_when_its_leases_have_run_out(page, host, phone):
    keep(host, phone)
    host.die()
    assert "still holds phones" in text(page.post(url(host, "forget"), follow=True))
    PhoneLease.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    page.post(url(host, "forget"))
    assert not Host.objects.exists()
    assert AuditEntry.objects.get().verb == "forget_server"


def test_a_server_that_runs_is_not_forgotten(page, host):
    assert "stop it first" in text(page.post(url(host, "forget"), follow=True))
    assert Host.objects.count() == 1


def test_a_phone_is_moved_to_the_chosen_server(page, host, other, phone):
    keep(host, phone)
    assert f"{PHONES}{phone.pk}/move/" in text(page.get(f"{PHONES}{phone.pk}/change/"))
    offered = text(page.get(f"{PHONES}{phone.pk}/move/"))
    assert 'value="server-2"' in offered
    assert 'value="server-1"' not in offered
    page.post(f"{PHONES}{phone.pk}/move/", {"server": "server-2"})
    assert Wish.objects.get(phone=phone).move_to == other.row
    assert AuditEntry.objects.get().verb == "move"


def test_several_phones_are_moved_at_once(page, host, other, organization):
    phones = [keep(host, make_phone(organization)) for _ in range(2)]
    stopped = make_phone(organization, status=Status.STOPPED)
    chosen = {
        "action": "move_several",
        "_selected_action": [phone.pk for phone in [*phones, stopped]],
    }
    assert 'value="server-2"' in text(page.post(PHONES, chosen))
    assert not Wish.objects.exclude(move_to=None).exists()
    done = text(page.post(PHONES, {**chosen, "server": "server-2"}, follow=True))
    assert "2 phones go to server-2" in done
    assert "This phone does not run" in done
    assert Wish.objects.filter(move_to=other.row).count() == 2


def test_a_steward_moves_nothing(browse, steward, host, other, phone):
    keep(host, phone)
    client = browse(steward)
    assert "move/" not in text(client.get(f"{PHONES}{phone.pk}/change/"))
    assert client.post(f"{PHONES}{phone.pk}/move/").status_code == 403
    assert "move_several" not in text(client.get(PHONES))
    assert not Wish.objects.exclude(move_to=None).exists()
