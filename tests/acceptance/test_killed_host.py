"""kill -9 of the host alone: nobody is left behind, all come back by themselves."""

from __future__ import annotations

import os

import pytest

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions.models import PhoneLease, SessionFacts
from tests.acceptance.fleet import Fleet, is_alive
from tests.factories import make_phone

BACK_SECONDS = 10


@pytest.fixture
def five(fleet: Fleet, organization):
    phones = [make_phone(organization) for _ in range(5)]
    host = fleet.start_host()
    return host, phones, fleet.link_all(phones)


def test_a_restarted_host_has_its_phones_back(fleet: Fleet, five):
    host, phones, jids = five
    sessions = host.session_pids()
    assert len(sessions) == 5
    host.kill()
    fleet.wait(
        lambda: not any(is_alive(pid) for pid in sessions), "end of the sessions", 2
    )
    fleet.start_host(directory=host.directory)
    fleet.wait_logins(jids, 2, BACK_SECONDS)
    fleet.wait_all(phones, Status.CONNECTED)
    for phone, jid in zip(phones, jids, strict=True):
        device = fleet.device(jid)
        assert (device["logins"], device["double_logins"]) == (2, 0)
        gap = ConnectionMetrics.objects.filter(phone=phone, event="disconnected").get()
        assert gap.cause == "host_lost"
        assert gap.connected_seconds is not None
        assert SessionFacts.objects.get(phone=phone).attempts == 0


def test_it_waits_for_nothing_but_the_start_budget(fleet: Fleet, five):
    host, phones, jids = five
    host.kill()
    fleet.start_host(directory=host.directory, WHATSAPP_STARTS_PER_SECOND="2")
    assert fleet.wait_logins(jids, 2) < BACK_SECONDS + len(phones) / 2
    fleet.wait_all(phones, Status.CONNECTED)
    leases = PhoneLease.objects.filter(phone__in=phones)
    # Of the processes: on a busy machine a login catches up with the one before.
    starts = leases.values_list("session_start_time", flat=True)
    spread = (max(starts) - min(starts)) / os.sysconf("SC_CLK_TCK")
    assert spread > 0.8 * (len(phones) - 1) / 2
