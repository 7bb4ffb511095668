"""Auth records are checked beside a session of the real client, and at rest."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from django.utils import timezone

from phones.models import Status
from sessions import verbs
from sessions.models import AuthReport, BaileysAuth, PhoneLease, PhoneRequest
from tests.acceptance import terminal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import facts_of, wait_given_back
from tests.factories import make_phone


def check(fleet: Fleet, phone) -> AuthReport:
    request = verbs.check(phone)
    fleet.wait(lambda: closed(request), "the check")
    assert request.result == "done", request.answer
    return AuthReport.objects.get(phone=phone)


def closed(request: PhoneRequest) -> bool:
    request.refresh_from_db()
    return request.done_at is not None


def test_a_check_beside_a_session_warns_while_it_fails(
    fleet: Fleet, phone, organization
):
    fleet.settings |= {"WHATSAPP_HEALTH_CHECK": "0.5"}
    host = fleet.start_host()
    other = make_phone(organization)
    fleet.link_all([phone, other])
    verbs.send(phone, to=other.phone_number, text="a session each way")
    fleet.wait(lambda: facts_of(other).received > 0, "the message")

    for each in (phone, other):
        kept = check(fleet, each)
        assert (kept.verdict, kept.findings) == ("healthy", [])
        assert kept.host_name == "one"
    assert kept.counts["session"]["rows"] > 0
    assert kept.highest_prekey >= 800

    store = host.directory / "stores" / f"phone-{phone.pk}.sqlite3"
    with closing(sqlite3.connect(store, timeout=10)) as connection:
        (signature,) = connection.execute(
            "SELECT adv_device_sig FROM whatsmeow_device"
        ).fetchone()
        connection.execute("UPDATE whatsmeow_device SET adv_device_sig = zeroblob(64)")
        connection.commit()
        kept = check(fleet, phone)
        assert (kept.verdict, kept.findings[0]["check"]) == ("broken", "w14")
        told = terminal.run(fleet, "check_auth", "--all", "--json")
        verdicts = {line["phone"]: line["verdict"] for line in told.lines}
        assert verdicts == {phone.pk: "broken", other.pk: "healthy"}
        assert {line["server"] for line in told.lines} == {"one"}
        assert told.status == 1
        fleet.wait(lambda: "records_broken" in facts_of(phone).warnings, "the warning")
        assert facts_of(phone).warnings["records_broken"]["check"] == "w14"
        connection.execute("UPDATE whatsmeow_device SET adv_device_sig=?", (signature,))
        connection.commit()
    assert check(fleet, phone).verdict == "healthy"
    fleet.wait(lambda: facts_of(phone).warnings == {}, "the end of the warning")
    fleet.wait_status(phone, Status.CONNECTED)


def test_a_host_checks_by_itself_what_the_last_night_missed(
    fleet: Fleet, phone, organization
):
    fleet.settings |= {
        "WHATSAPP_HEALTH_CHECK": "0.5",
        # The last night began hours ago, whenever this runs.
        "WHATSAPP_AUTH_CHECK_HOUR": str((timezone.now().hour - 12) % 24),
    }
    fleet.start_host()
    resting = make_phone(organization)
    fleet.link_all([phone, resting])
    verbs.stop(resting)
    fleet.wait_status(resting, Status.STOPPED)
    wait_given_back(fleet, resting)
    assert not AuthReport.objects.exists()
    for each in (phone, resting):
        each.pairings.update(paired_at=timezone.now() - timedelta(days=2))
    fleet.wait(lambda: AuthReport.objects.count() == 2, "the checks")
    found = AuthReport.objects.values_list("phone", "verdict", "host_name")
    # Nobody keeps the one that rests, so its copy was checked.
    assert set(found) == {(phone.pk, "healthy", "one"), (resting.pk, "healthy", "")}
    assert not PhoneRequest.objects.filter(kind="check").exists()


def test_a_phone_at_rest_is_checked_as_the_next_start_would_find_it(
    fleet: Fleet, phone
):
    host = fleet.start_host()
    fleet.link(phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    wait_given_back(fleet, phone)
    kept = check(fleet, phone)
    assert (kept.verdict, kept.host_name) == ("healthy", "one")
    store = host.directory / "stores" / f"phone-{phone.pk}.sqlite3"
    store.write_bytes(b"not a database\n" * 5000)
    kept = check(fleet, phone)
    assert (kept.verdict, kept.host_name) == ("healthy", "")  # the copy is sound
    BaileysAuth.objects.all().delete()
    PhoneLease.objects.update(auth_sequence=0)
    kept = check(fleet, phone)
    assert [found["check"] for found in kept.findings] == ["w01"]
    verbs.start(phone)
    fleet.wait_status(phone, Status.HELD)
    facts = facts_of(phone)
    assert facts.cause == "broken_store"
    assert facts.cause_values["check"] == "w01"
    assert facts.cause_values["reason"].startswith("The store file is damaged")
    assert AuthReport.objects.get().verdict == "broken"
