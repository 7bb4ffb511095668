"""A host that is frozen: its sessions end before its leases do; then it wakes up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions.models import Host, PhoneLease, SessionFacts
from sessions.models.clock import clock_plus
from tests.acceptance.fleet import Fleet, HostProcess, is_alive
from tests.acceptance.leases import outlived_leases
from tests.factories import make_phone
from tests.processes import ROOT

TTL = 4.0
QUICK = {
    "WHATSAPP_LEASE_TTL": str(TTL),
    "WHATSAPP_LEASE_RENEW": "0.5",
    "WHATSAPP_LEASE_MARGIN": "1",
}


@pytest.fixture
def linked(fleet: Fleet, organization):
    """Two phones on host one, with short leases."""
    fleet.settings |= QUICK
    phones = [make_phone(organization) for _ in range(2)]
    return fleet.start_host("one"), phones, fleet.link_all(phones)


def causes(phone) -> list[str]:
    """Of every loss on record, oldest first."""
    losses = ConnectionMetrics.objects.filter(phone=phone).exclude(cause="")
    return list(losses.order_by("id").values_list("cause", flat=True))


def renewed_just_now(phones) -> bool:
    """A single host moves the deadline of its sessions also while SQLite's writers keep
    its renewal waiting: its leases are nobody else's."""
    just_now = clock_plus(timedelta(seconds=TTL - 0.3))
    leases = PhoneLease.objects.filter(phone__in=phones, expires_at__gt=just_now)
    return leases.count() == len(phones)


def test_no_session_lives_when_its_lease_runs_out(fleet: Fleet, linked):
    host, phones, _ = linked
    assert len(host.session_pids()) == 2
    fleet.wait(lambda: renewed_just_now(phones), "a renewal")
    host.freeze()
    assert outlived_leases(fleet, phones) == set()


def test_all_are_back_when_it_wakes_and_nobody_took_over(fleet: Fleet, linked):
    host, phones, jids = linked
    sessions = host.session_pids()
    host.freeze()
    fleet.wait(lambda: not any(map(is_alive, sessions)), "end of the sessions", TTL)
    host.wake()
    assert fleet.wait_logins(jids, 2) < 10
    fleet.wait_all(phones, Status.CONNECTED)
    for phone, jid in zip(phones, jids, strict=True):
        assert causes(phone) == ["lease_lost"]
        assert SessionFacts.objects.get(phone=phone).attempts == 0
        assert fleet.device(jid)["double_logins"] == 0


def took_over(fleet: Fleet, two: HostProcess, jids) -> float:
    """Seconds until host two has all phones connected."""
    began = time.monotonic()
    identity = (two.directory / "host_id").read_text().strip()
    fleet.wait(
        lambda: PhoneLease.objects.filter(host=identity).count() == len(jids),
        "takeover",
        TTL + 10,
    )
    fleet.wait_logins(jids, 2)
    return time.monotonic() - began


@pytest.mark.postgresql
def test_it_disturbs_nobody_when_it_wakes_after_a_takeover(fleet: Fleet, linked):
    one, phones, jids = linked
    two = fleet.start_host("two")
    one.freeze()
    assert outlived_leases(fleet, phones) == set()
    assert took_over(fleet, two, jids) < 10
    fleet.wait_all(phones, Status.CONNECTED)
    theirs = two.session_pids()
    rows = ConnectionMetrics.objects.count()
    epochs = dict(PhoneLease.objects.values_list("phone_id", "epoch"))
    woken = timezone.now()
    one.wake()
    fleet.wait(lambda: one.log.count("lease lost") == len(phones), "its waking up")
    fleet.wait(lambda: beats_since(one, woken), "its heartbeat")
    assert two.session_pids() == theirs
    assert one.session_pids() == []
    assert ConnectionMetrics.objects.count() == rows
    assert dict(PhoneLease.objects.values_list("phone_id", "epoch")) == epochs
    for phone, jid in zip(phones, jids, strict=True):
        phone.refresh_from_db()
        assert phone.status == Status.CONNECTED
        assert causes(phone) == ["host_lost"]
        device = fleet.device(jid)
        assert (device["logins"], device["double_logins"]) == (2, 0)
    recovers(fleet, one, two, phones, jids)


def recovers(fleet: Fleet, one, two, phones, jids) -> None:
    """Host one takes the phones again when host two is gone, and knows why."""
    two.kill()
    fleet.wait_logins(jids, 3)
    fleet.wait_all(phones, Status.CONNECTED)
    assert len(one.session_pids()) == len(phones)
    for phone in phones:
        assert causes(phone) == ["host_lost", "host_lost"]
        assert SessionFacts.objects.get(phone=phone).host_name == "one"


def beats_since(host: HostProcess, moment: datetime) -> bool:
    return Host.objects.filter(name=host.name, beat_at__gt=moment).exists()


@pytest.mark.postgresql
def test_stale_sockets_of_a_frozen_server_say_nothing_more(fleet: Fleet, linked):
    """Host, forkserver and sessions stop together, as with the whole machine."""
    one, phones, jids = linked
    two = fleet.start_host("two")
    sessions = one.session_pids()
    os.killpg(one.process.pid, signal.SIGSTOP)
    took_over(fleet, two, jids)
    os.killpg(one.process.pid, signal.SIGCONT)
    fleet.wait(lambda: not any(map(is_alive, sessions)), "end of the sessions")
    fleet.wait(lambda: one.log.count("lease lost") == len(phones), "its waking up")
    doubles = fleet.sandbox.state()["double_logins"]
    assert len(doubles) == len(phones)
    for double in doubles:
        assert double["older_frames_after"] == 0
    for jid in jids:
        assert fleet.device(jid)["logins"] == 2


FROZEN_WRITER = """
import os, signal, django
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
from django.db import transaction
from sessions.models import PhoneLease
with transaction.atomic():
    PhoneLease.objects.filter(host__isnull=False).update(session_pid=None)
    print("frozen", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.postgresql
def test_a_row_lock_that_froze_with_its_host_does_not_stop_the_takeover(
    fleet: Fleet, linked
):
    one, _, jids = linked
    writer = subprocess.Popen(
        [sys.executable, "-c", FROZEN_WRITER],
        cwd=ROOT,
        env=fleet.environment(fleet.directory / "writer"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout.readline() == "frozen\n"
        one.kill()
        took = took_over(fleet, fleet.start_host("two"), jids)
    finally:
        writer.kill()
        writer.communicate()
    assert took < TTL + 10
