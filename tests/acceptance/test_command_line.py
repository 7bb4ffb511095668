"""The verbs from a terminal: JSON line by line, one sentence, exit status 0 or 1."""

from __future__ import annotations

import os
import signal

import pytest

from phones.models import AuditEntry, OrganizationPhone, Status
from sessions.models import BaileysAuth, PairingState, Quarantine
from tests.acceptance import terminal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import facts_of, wait_given_back
from tests.factories import make_phone
from tests.sandbox.clients import device_of


def test_link_streams_the_code_the_scan_and_the_connection(fleet: Fleet, organization):
    fleet.start_host()
    added = terminal.run(
        fleet, "add_phone", "--organization", "Acme", "+7 705 481-08-62"
    )
    assert added.status == 0, added.stderr
    phone = OrganizationPhone.objects.get(phone_number="77054810862")
    assert added.stdout.strip() == str(phone.pk)
    env = fleet.environment(fleet.directory / "terminal")
    with terminal.linking(env, added.stdout.strip()) as link:
        shown = link.next()
        assert (shown["event"], shown["k"], shown["of"]) == ("qr", 1, 6)
        phone.refresh_from_db()
        assert shown["code"] == phone.qr_code
        jid = fleet.sandbox.scan(shown["code"], phone.phone_number)
        status, rest = link.rest()
    assert (status, rest) == (
        0,
        [{"event": "paired", "jid": jid}, {"event": "connected"}],
    )
    again = terminal.run(fleet, "link", phone.pk, "--json")
    assert (again.status, again.line["event"]) == (1, "failed")
    assert "linked already" in again.line["text"]


@pytest.mark.sqlite
def test_link_ends_as_408_when_nobody_scans(fleet: Fleet, phone):
    fleet.start_host()
    env = fleet.environment(fleet.directory / "terminal")
    with terminal.linking(env, phone.pk) as link:
        assert link.next()["event"] == "qr"
        fleet.sandbox.fault("close")  # as it does when its time is over
        status, (end,) = link.rest()
    assert (status, end["event"], end["code"]) == (1, "expired", 408)
    assert fleet.pairing(phone).state == PairingState.EXPIRED


@pytest.mark.sqlite
def test_link_names_the_wrong_number(fleet: Fleet, phone):
    fleet.start_host()
    env = fleet.environment(fleet.directory / "terminal")
    with terminal.linking(env, phone.phone_number) as link:
        fleet.sandbox.scan(link.next()["code"], "77011112233")
        status, (end,) = link.rest()
    assert (status, end["event"], end["cause"]) == (1, "failed", "q5")
    assert "77011112233" in end["text"]
    assert phone.phone_number in end["text"]


def test_link_without_a_host_says_so_in_time(fleet: Fleet, phone):
    done = terminal.run(fleet, "link", phone.pk, "--json", WHATSAPP_LINK_CLAIM="1")
    assert (done.status, done.line["event"], done.line["cause"]) == (
        1,
        "failed",
        "no_host",
    )
    assert "run_sessions" in done.line["text"]


@pytest.mark.sqlite
def test_a_link_that_is_interrupted_goes_on_and_is_joined(fleet: Fleet, phone):
    fleet.start_host()
    env = fleet.environment(fleet.directory / "terminal")
    with terminal.linking(env, phone.pk) as first:
        code = first.next()["code"]
        os.kill(first.process.pid, signal.SIGINT)
        assert first.rest()[0] == 1
    with terminal.linking(env, phone.pk) as second:
        assert second.next()["code"] == code
        fleet.sandbox.scan(code, phone.phone_number)
        assert second.rest()[0] == 0


def test_the_verbs_answer_per_phone_and_leave_an_audit_row(
    fleet: Fleet, phone, organization
):
    fleet.start_host()
    other = make_phone(organization)
    jids = fleet.link_all([phone, other])
    for verb, status in (
        ("stop", Status.STOPPED),
        ("start", Status.CONNECTED),
        ("hold", Status.HELD),
        ("start", Status.CONNECTED),
        ("restart", Status.CONNECTED),
    ):
        done = terminal.run(fleet, verb, phone.pk, other.phone_number, "--json")
        assert (done.status, done.stderr) == (0, "")
        assert [(line["phone"], line["ok"]) for line in done.lines] == [
            (phone.pk, True),
            (other.pk, True),
        ]
        for one in (phone, other):
            fleet.wait_status(one, status)
    fleet.wait_logins(jids, 4)
    fleet.wait_status(phone, Status.CONNECTED)
    done = terminal.run(fleet, "unlink", phone.pk)
    assert done.status == 0, done.stderr
    assert device_of(fleet.sandbox, jids[0]) is None
    verbs = AuditEntry.objects.filter(phone=phone).order_by("id")
    assert [*verbs.values_list("verb", flat=True)] == [
        *("link", "stop", "start", "hold", "start", "restart", "unlink")
    ]
    # One refusal does not keep the verb from the others.
    mixed = terminal.run(fleet, "restart", phone.pk, other.pk, "--json")
    assert mixed.status == 1
    assert [line["ok"] for line in mixed.lines] == [False, True]


def test_clear_auth_works_beside_a_host_and_without_one(
    fleet: Fleet, phone, organization
):
    host = fleet.start_host()
    other = make_phone(organization)
    third = make_phone()
    fleet.link_all([phone, other, third])
    unasked = terminal.run(fleet, "clear_auth", phone.pk)
    assert (unasked.status, "--yes" in unasked.stderr) == (1, True)
    done = terminal.run(fleet, "clear_auth", phone.pk, "--yes", "--json")
    assert (done.status, done.line["ok"]) == (0, True)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    assert facts_of(phone).cause_values == {"user": "manage.py"}
    wait_given_back(fleet, phone)
    assert host.terminate() == 0
    by_name = terminal.run(
        fleet, "clear_auth", "--organization", organization.name, "--yes", "--json"
    )
    assert by_name.status == 0, by_name.stderr
    assert {line["phone"] for line in by_name.lines} == {phone.pk, other.pk}
    other.refresh_from_db()
    third.refresh_from_db()
    assert other.status == Status.LOGGED_OUT
    assert BaileysAuth.objects.of(third).exists()
    assert terminal.run(fleet, "clear_auth", "--all", "--yes").status == 0
    assert not BaileysAuth.objects.exists()
    assert Quarantine.objects.count() == 3
    # The store file on the server's disk is not used again by a later host.
    fleet.start_host("one", host.directory)
    fleet.link(other)


def test_a_name_nobody_has_is_one_sentence(fleet: Fleet, phone):
    done = terminal.run(fleet, "link", "7705letters", "--json")
    assert (done.status, done.line["ok"]) == (1, False)
    assert "not a phone number" in done.line["error"]
    assert done.stderr.count("\n") == 1
    # Nothing is done to the others when one name is wrong.
    done = terminal.run(fleet, "hold", phone.pk, "999999", "--json")
    assert (done.status, "no phone" in done.line["error"]) == (1, True)
    assert not AuditEntry.objects.filter(phone=phone).exists()
