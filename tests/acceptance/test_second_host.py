"""Hosts that may not run beside another one: each is told why and what to do."""

from __future__ import annotations

import shutil

import pytest

from phones.models import Status
from sessions import verbs
from sessions.host.caretaker import PhoneIsKept, carry_out
from sessions.models import Host, PhoneLease, PhoneRequest
from tests.acceptance.fleet import Fleet
from tests.processes import manage


def refusal(fleet: Fleet, directory: str, name: str, **extra: str) -> str:
    """What the second host says; it must end by itself, with 1."""
    env = fleet.environment(fleet.directory / directory) | extra
    ended = manage("run_sessions", "--host-name", name, env=env, timeout=30)
    assert ended.returncode == 1
    return ended.stderr


def test_one_directory_serves_one_host(fleet: Fleet):
    one = fleet.start_host("one")
    said = refusal(fleet, "one", "two")
    assert f"Another run_sessions works in {one.directory}." in said
    assert "DATA_DIR" in said
    assert one.process.poll() is None


@pytest.mark.sqlite
def test_sqlite_serves_one_host(fleet: Fleet):
    one = fleet.start_host("one")
    said = refusal(fleet, "two", "two")
    assert "PostgreSQL" in said
    assert "DATABASE_URL" in said
    assert [*Host.objects.values_list("name", flat=True)] == ["one"]
    one.kill()
    # The lock goes with the process, not with the file.
    assert fleet.start_host("two").process.poll() is None


@pytest.mark.postgresql
def test_a_live_name_is_refused_and_a_dead_one_is_free(fleet: Fleet, phone):
    fleet.settings["WHATSAPP_LEASE_RENEW"] = "1"
    one = fleet.start_host("one")
    jid = fleet.link(phone)
    said = refusal(fleet, "elsewhere", "one")
    assert "A host named 'one' is running." in said
    assert "--host-name" in said
    fleet.device(jid)
    assert one.terminate() == 0
    other = fleet.start_host("one", fleet.directory / "elsewhere")
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    held_by = PhoneLease.objects.get(phone=phone).host
    assert str(held_by.pk) == (other.directory / "host_id").read_text().strip()


@pytest.mark.postgresql
def test_a_single_host_on_postgresql_lets_no_second_one_in(fleet: Fleet):
    fleet.settings["WHATSAPP_SINGLE_HOST"] = "1"
    one = fleet.start_host("one")
    said = refusal(fleet, "two", "two")
    assert "WHATSAPP_SINGLE_HOST=1, but another host holds this database." in said
    assert not Host.objects.alive().filter(name="two").exists()
    assert one.terminate() == 0
    assert fleet.start_host("two").process.poll() is None


@pytest.mark.postgresql
def test_hosts_that_differ_in_single_host_do_not_meet(fleet: Fleet):
    """One that shares and one that does not would take each other's phones."""
    sharing = fleet.start_host("one")
    said = refusal(fleet, "two", "two", WHATSAPP_SINGLE_HOST="1")
    assert "WHATSAPP_SINGLE_HOST" in said
    assert sharing.terminate() == 0
    fleet.start_host("two", WHATSAPP_SINGLE_HOST="1")
    said = refusal(fleet, "one", "one")
    assert "WHATSAPP_SINGLE_HOST" in said


@pytest.mark.postgresql
def test_a_copied_directory_does_not_make_a_twin(fleet: Fleet, phone):
    """The identity of a host is a file; a backup of DATA_DIR holds it too."""
    one = fleet.start_host("one")
    jid = fleet.link(phone)
    shutil.copytree(one.directory, fleet.directory / "copy")
    said = refusal(fleet, "copy", "two")
    assert "host_id" in said
    assert fleet.device(jid)["logins"] == 1


def is_carried_out(request: PhoneRequest) -> bool:
    """PostgreSQL may notice a moment later that the host is gone."""
    try:
        carry_out(request)
    except PhoneIsKept:
        return False
    return True


def test_keys_are_not_cleared_under_a_living_single_host(fleet: Fleet, phone, settings):
    settings.WHATSAPP_SINGLE_HOST = True
    settings.DATA_DIR = fleet.directory / "web"
    host = fleet.start_host("one", WHATSAPP_SINGLE_HOST="1")
    jid = fleet.link(phone)
    request = PhoneRequest(phone=phone, kind=PhoneRequest.Kind.CLEAR)
    with pytest.raises(PhoneIsKept):
        carry_out(request)
    assert fleet.device(jid)["logins"] == 1
    assert host.terminate() == 0
    request = verbs.clear(phone)
    fleet.wait(lambda: is_carried_out(request), "the end of the host's lock")
    phone.refresh_from_db()
    assert phone.status == Status.LOGGED_OUT
    # The lock is given back: a host may start again.
    assert fleet.start_host("one", host.directory).process.poll() is None
