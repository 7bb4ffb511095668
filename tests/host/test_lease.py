"""Who owns a phone: takeover, renewal and the fence, on both databases."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from phones.models import OrganizationPhone, Status
from sessions.models import (
    Host,
    LeaseLost,
    NumberRunsElsewhere,
    PhoneLease,
    fenced_write,
)
from sessions.models.clock import clock_plus
from tests.factories import make_organization, make_phone
from tests.processes import wait_until


@pytest.fixture(autouse=True)
def several_hosts(settings):
    """SQLite serves one host in the product; the SQL itself is the same."""
    settings.WHATSAPP_SINGLE_HOST = False


@pytest.fixture
def hosts(db):
    return [Host.objects.create(name=name, pk=uuid.uuid4()) for name in ("one", "two")]


def acquire(phone, host):
    return PhoneLease.objects.acquire(phone=phone, host_id=host.pk)


def let_it_run_out(phone):
    PhoneLease.objects.filter(phone=phone).update(
        expires_at=clock_plus(timedelta(seconds=-1))
    )


def test_it_is_taken_by_one_host_only(phone, hosts):
    one, two = hosts
    fence = acquire(phone, one)
    assert fence is not None
    assert fence.epoch == 1
    assert acquire(phone, two) is None


def test_it_goes_to_another_host_after_it_ran_out(phone, hosts):
    one, two = hosts
    old = acquire(phone, one)
    let_it_run_out(phone)
    new = acquire(phone, two)
    assert new is not None
    assert new.epoch == old.epoch + 1
    with pytest.raises(LeaseLost), fenced_write(old):
        pytest.fail("the old owner may write nothing")


def test_its_own_host_takes_it_again_with_a_new_epoch(phone, hosts):
    first = acquire(phone, hosts[0])
    second = acquire(phone, hosts[0])
    assert second.epoch == first.epoch + 1
    with pytest.raises(LeaseLost), fenced_write(first):
        pytest.fail("a write of the earlier life")


def test_a_lease_that_ran_out_writes_nothing_even_if_nobody_took_it(phone, hosts):
    fence = acquire(phone, hosts[0])
    let_it_run_out(phone)
    with pytest.raises(LeaseLost), fenced_write(fence):
        OrganizationPhone.objects.filter(pk=phone.pk).update(status=Status.CONNECTED)
    phone.refresh_from_db()
    assert phone.status == Status.NEW


def test_others_know_when_the_first_lease_runs_out(organization, hosts):
    one, two = hosts
    ttl = settings.WHATSAPP_LEASE_TTL.total_seconds()
    first, second = make_phone(organization), make_phone(organization)

    def left(host) -> float | None:
        return PhoneLease.objects.seconds_to_expiry(besides=host.pk)

    acquire(first, one)
    PhoneLease.objects.update(expires_at=clock_plus(timedelta(seconds=5)))
    acquire(second, one)
    assert left(two) == pytest.approx(5, abs=2)
    assert left(one) is None

    let_it_run_out(first)
    assert left(two) == pytest.approx(ttl, abs=2)


def test_one_update_renews_all_and_names_what_is_left(organization, hosts):
    one, two = hosts
    phones = [make_phone(organization, phone_number=f"7705481086{n}") for n in range(3)]
    fences = [acquire(phone, one) for phone in phones]
    let_it_run_out(phones[2])
    acquire(phones[2], two)
    renewed = PhoneLease.objects.renew(host_id=one.pk)
    assert renewed.held == {fence.phone_id: fence.epoch for fence in fences[:2]}
    assert renewed.renewed == {fence.phone_id for fence in fences[:2]}


def about_to_run_out(phone, seconds: float = 3.0):
    PhoneLease.objects.filter(phone=phone).update(
        expires_at=clock_plus(timedelta(seconds=seconds))
    )


def seconds_left(phone, besides) -> float | None:
    return PhoneLease.objects.filter(phone=phone).seconds_to_expiry(besides=besides.pk)


def test_a_write_renews_the_lease_and_says_since_when(
    phone, hosts, django_capture_on_commit_callbacks
):
    """A phone that is written all the time is left out of the renewal of all."""
    told: list[float] = []
    fence = replace(acquire(phone, hosts[0]), renewed=told.append)
    about_to_run_out(phone)
    before = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True), fenced_write(fence):
        assert told == []
        after = time.monotonic()
    ttl = settings.WHATSAPP_LEASE_TTL.total_seconds()
    assert seconds_left(phone, hosts[1]) == pytest.approx(ttl, abs=2)
    (since,) = told
    assert before <= since <= after


def test_a_write_that_is_undone_renews_nothing(
    phone, hosts, django_capture_on_commit_callbacks
):
    told: list[float] = []
    fence = replace(acquire(phone, hosts[0]), renewed=told.append)
    about_to_run_out(phone)
    with (
        django_capture_on_commit_callbacks(execute=True),
        pytest.raises(ValueError, match="undone"),
        fenced_write(fence),
    ):
        raise ValueError("undone")
    assert seconds_left(phone, hosts[1]) == pytest.approx(3, abs=2)
    assert told == []


def test_a_released_lease_is_free_and_cannot_be_released_twice(phone, hosts):
    one, two = hosts
    fence = acquire(phone, one)
    assert PhoneLease.objects.release(fence)
    assert acquire(phone, two) is not None
    assert not PhoneLease.objects.release(fence)


def test_one_running_row_per_number_across_organizations(phone, hosts):
    namesake = make_phone(
        make_organization(name="Other"), phone_number=phone.phone_number
    )
    fence = acquire(phone, hosts[0])
    with pytest.raises(NumberRunsElsewhere):
        acquire(namesake, hosts[1])
    PhoneLease.objects.release(fence)
    assert acquire(namesake, hosts[1]) is not None


@pytest.mark.django_db(transaction=True)
def test_a_writer_paused_between_its_check_and_its_commit_keeps_others_out(
    organization, settings
):
    """The check takes the row lock; a takeover has to wait for the commit."""
    settings.WHATSAPP_LEASE_TTL = timedelta(seconds=1)
    phone = make_phone(organization, phone_number="77054810863")
    one, two = (Host.objects.create(name=name) for name in ("one", "two"))
    inside, go_on = threading.Event(), threading.Event()
    moments = {}

    def paused_writer():
        try:
            with fenced_write(acquire(phone, one)):
                inside.set()
                go_on.wait(10)
                OrganizationPhone.objects.filter(pk=phone.pk).update(
                    status=Status.CONNECTED
                )
                moments["written"] = time.monotonic()
        finally:
            connection.close()

    def taker():
        try:
            while acquire(phone, two) is None:
                time.sleep(0.02)
            moments["taken"] = time.monotonic()
        finally:
            connection.close()

    writer = threading.Thread(target=paused_writer)
    writer.start()
    assert inside.wait(10)
    # The lease runs out; only its row lock is left.
    wait_until(lambda: not PhoneLease.objects.current().exists(), "its end")
    other = threading.Thread(target=taker)
    other.start()
    time.sleep(0.3)
    assert "taken" not in moments
    go_on.set()
    writer.join(10)
    other.join(10)
    assert moments["written"] <= moments["taken"]
    phone.refresh_from_db()
    assert phone.status == Status.CONNECTED


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_renewal_does_not_wait_for_a_phone_that_is_being_written(organization):
    """One phone's long copy of keys must not let the leases of all run out."""
    host = Host.objects.create(name="one")
    slow, other = (acquire(make_phone(organization), host) for _ in range(2))
    inside, go_on = threading.Event(), threading.Event()

    def slow_writer():
        try:
            with fenced_write(slow):
                inside.set()
                go_on.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert inside.wait(10)
    began = time.monotonic()
    meanwhile = PhoneLease.objects.renew(host_id=host.pk)
    waited = time.monotonic() - began
    go_on.set()
    writer.join(10)
    assert waited < 5
    assert meanwhile.renewed == {other.phone_id}
    assert meanwhile.held == {fence.phone_id: fence.epoch for fence in (slow, other)}
    both = {slow.phone_id, other.phone_id}
    assert PhoneLease.objects.renew(host_id=host.pk).renewed == both
