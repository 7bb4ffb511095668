"""Clears and put-backs without a host, and those that a dead host left half done."""

from __future__ import annotations

import uuid
from datetime import timedelta
from threading import Timer

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from phones.models import Status
from sessions import stand_in, verbs
from sessions.host import identity
from sessions.host.caretaker import PhoneIsKept, carry_out
from sessions.host.wanted import expire_orders, wanted_phones
from sessions.models import (
    Host,
    Pairing,
    PairingState,
    PhoneLease,
    PhoneRequest,
    Quarantine,
    SessionFacts,
    Wish,
)
from sessions.models.clock import ClockNow, clock_plus
from tests.factories import make_phone

pytestmark = pytest.mark.django_db
Kind = PhoneRequest.Kind
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def several_hosts(settings, tmp_path):
    """SQLite serves one host in the product; the SQL itself is the same."""
    settings.WHATSAPP_SINGLE_HOST = False
    settings.DATA_DIR = tmp_path


@pytest.fixture
def server(db):
    host = Host.objects.create(name="one", pk=uuid.uuid4(), capacity=10)
    host.beat()
    return host


def linked(phone, **fields):
    SessionFacts.objects.create(phone=phone, linked=True, **fields)
    phone.phone_jid = f"{phone.phone_number}:1@s.whatsapp.net"
    phone.status = Status.CONNECTED
    phone.save()
    return phone


def owned(phone, host, *, until=HOUR):
    fence = PhoneLease.objects.acquire(phone=phone, host_id=host.pk)
    PhoneLease.objects.filter(phone=phone).update(expires_at=clock_plus(until))
    return fence


def closed(request):
    request.refresh_from_db()
    return request.result, request.answer.get("note") or request.answer.get("error")


def test_a_living_host_is_left_in_peace_and_a_dead_one_waited_for(phone, server):
    fence = owned(linked(phone), server)
    request = verbs.clear(phone)
    with pytest.raises(PhoneIsKept):
        carry_out(request)
    assert PhoneLease.objects.fenced(fence).exists()
    assert [*Host.objects.all()] == [server]
    PhoneLease.objects.update(expires_at=clock_plus(-HOUR))
    carry_out(request)
    assert closed(request)[0] == "done"
    phone.refresh_from_db()
    assert (phone.status, phone.facts.linked) == (Status.LOGGED_OUT, False)
    assert not PhoneLease.objects.current().exists()
    assert [*Host.objects.all()] == [server]


def test_living_hosts_get_their_chance_first(phone, server):
    linked(phone)
    request = verbs.clear(phone)
    assert not stand_in.done(request)
    PhoneRequest.objects.update(requested_at=timezone.now() - stand_in.CHANCE)
    assert stand_in.done(request)
    assert request.result == "done"


def test_a_number_that_runs_in_another_row_runs_on(phone, server, organization):
    running = linked(make_phone(phone_number=phone.phone_number))
    fence = owned(running, server)
    linked(phone)
    carry_out(verbs.clear(phone))
    phone.refresh_from_db()
    assert phone.status == Status.LOGGED_OUT
    assert PhoneLease.objects.fenced(fence).exists()


def test_what_was_logged_out_before_keeps_its_reason(phone):
    SessionFacts.objects.create(phone=linked_before(phone), cause="u1")
    request = verbs.clear(phone)
    carry_out(request)
    assert closed(request) == ("done", "There were no keys here.")
    assert SessionFacts.objects.get().cause == "u1"
    assert not phone.metrics.exists()


def linked_before(phone):
    phone.phone_jid, phone.status = "77:1@s.whatsapp.net", Status.LOGGED_OUT
    phone.save()
    return phone


def test_a_pairing_whose_host_died_ends_too(phone, server):
    pairing = Pairing.objects.create(
        phone=phone, state=PairingState.QR, expires_at=timezone.now()
    )
    owned(phone, server, until=-HOUR)
    carry_out(verbs.clear(phone))
    pairing.refresh_from_db()
    phone.refresh_from_db()
    assert (pairing.state, phone.status) == (PairingState.FAILED, Status.NEW)
    assert pairing.ended_at is not None


def test_a_put_back_of_keys_that_are_gone_says_so(phone):
    kept = Quarantine.objects.create(
        organization_id=phone.organization_id,
        phone=phone,
        phone_jid=phone.auth_key,
        reason="cleared_by_person",
        logged_out=False,
        purge_at=timezone.now() + HOUR,
        rows="gAAAA",
    )
    request = verbs.put_back(kept)
    carry_out(request)
    assert closed(request)[0] == "failed"
    assert "not in AUTH_KEYS" in closed(request)[1]
    request = verbs.put_back(kept)
    kept.delete()
    carry_out(request)
    assert "purged or put back" in closed(request)[1]
    assert not SessionFacts.objects.filter(linked=True).exists()


def test_a_process_with_wrong_keys_clears_nothing(phone, settings):
    request = verbs.clear(linked(phone))
    settings.AUTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(ImproperlyConfigured, match="does not fit"):
        carry_out(request)
    assert closed(request)[0] == ""
    assert SessionFacts.objects.get(phone=phone).linked


@pytest.mark.parametrize("verb", [verbs.clear, verbs.check])
def test_a_single_host_that_died_keeps_nobody_waiting(phone, server, settings, verb):
    settings.WHATSAPP_SINGLE_HOST = True
    owned(linked(phone), server)
    request = verb(phone)
    carry_out(request)
    assert closed(request)[0] == "done"


@pytest.mark.sqlite
def test_a_host_that_starts_waits_for_a_clear_under_way(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "database_lock_path", lambda: tmp_path / "lock")
    clearing = identity.FileLock(tmp_path / "lock")
    assert clearing.take()
    Timer(0.3, clearing.release).start()
    for lock in identity.take_locks(tmp_path / "host"):
        lock.release()


# -- what a dead host had claimed -----------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "again"), [(Kind.CLEAR, True), (Kind.CHECK, True), (Kind.SEND, False)]
)
def test_a_claim_of_a_dead_host_is_repeated_where_that_does_no_harm(
    phone, server, kind, again
):
    fence = owned(phone, server)
    request = PhoneRequest.objects.create(
        phone=phone, kind=kind, expires_at=timezone.now() + HOUR
    )
    assert request.claim(fence.epoch)
    assert not request.claim(fence.epoch)
    PhoneLease.objects.update(expires_at=clock_plus(-HOUR))
    other = Host.objects.create(name="two", pk=uuid.uuid4())
    wanted = wanted_phones(ClockNow(), host_id=other.pk)
    assert [*wanted] == ([phone] if again else [])
    next_fence = owned(phone, other)
    assert request.claim(next_fence.epoch) == again
    # The dead one wakes up: it is too late.
    assert not request.claim(fence.epoch)


def test_a_logout_that_a_dead_host_may_have_sent_is_not_taken_back(phone, server):
    fence = owned(linked(phone), server)
    request = verbs.clear(phone, log_out=True)
    assert request.claim(fence.epoch)
    PhoneLease.objects.update(expires_at=clock_plus(-HOUR))
    request.refresh_from_db()
    carry_out(request)
    assert "did not confirm" in closed(request)[1]


def test_a_claim_in_an_epoch_that_was_given_back_does_not_stay_open(phone, server):
    fence = owned(phone, server)
    request = PhoneRequest.objects.create(
        phone=phone, kind=Kind.SEND, expires_at=timezone.now() + HOUR
    )
    request.claim(fence.epoch)
    PhoneRequest.objects.update(expires_at=timezone.now() - HOUR)
    expire_orders(timezone.now())
    assert closed(request)[0] == ""
    PhoneLease.objects.release(fence)
    expire_orders(timezone.now())
    assert closed(request)[0] == "failed"


def test_a_clear_is_every_hosts_wherever_the_phone_was_to_go(phone, server):
    two = Host.objects.create(name="two", pk=uuid.uuid4())
    two.beat()
    Wish.objects.create(phone=phone, desired="run")
    Wish.objects.send_to(two.pk, phone.pk)
    linked(phone)
    assert [*wanted_phones(ClockNow(), host_id=server.pk)] == []
    verbs.clear(phone)
    first = wanted_phones(ClockNow(), host_id=server.pk)[0]
    assert (first.pk, first.is_cleared) == (phone.pk, True)
