"""Two hosts on one PostgreSQL: a phone is never logged in twice, whoever leaves."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions.models import PhoneLease
from tests.acceptance.fleet import Fleet, HostProcess
from tests.acceptance.logins import last_gap, logins_of, percentile
from tests.factories import make_phone

PHONES = 20
TTL = 10.0
LINKING = 10.0  # seconds, of all phones on a machine that has nothing else to do

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]


@pytest.fixture
def twenty(fleet: Fleet, organization):
    """Twenty phones on host one; host two has just joined.

    The last value: how many times slower than usual this machine is at the moment.
    """
    fleet.settings |= {
        "WHATSAPP_LEASE_TTL": str(TTL),
        "WHATSAPP_LEASE_RENEW": "1",
        "WHATSAPP_LEASE_MARGIN": "2",
    }
    phones = [make_phone(organization) for _ in range(PHONES)]
    one = fleet.start_host("one")
    began = time.monotonic()
    jids = fleet.link_all(phones)
    slower = max((time.monotonic() - began) / LINKING, 1.0)
    return one, fleet.start_host("two"), phones, jids, slower


def count_of(host: HostProcess) -> int:
    """Leases that this host holds."""
    return PhoneLease.objects.filter(host__name=host.name).count()


def gaps(fleet: Fleet, phones) -> list:
    """Of these phones alone: the sandbox has served other tests before."""
    logins = logins_of(fleet.sandbox)
    return [last_gap(logins[phone.phone_number]) for phone in phones]


def test_a_phone_is_never_logged_in_twice(fleet: Fleet, twenty, report):
    one, two, phones, jids, slower = twenty
    assert count_of(one) + count_of(two) == PHONES

    one.kill()
    took = fleet.wait_logins(jids, 2, 60)
    fleet.wait_all(phones, Status.CONNECTED, 60)
    assert count_of(two) == PHONES
    report(f"takeover of {PHONES} phones after kill -9: {took:.1f} s with TTL {TTL} s")
    assert took <= TTL + 10 * slower

    one = fleet.start_host("one", one.directory)
    assert two.terminate() == 0
    fleet.wait_logins(jids, 3, 60)
    fleet.wait_all(phones, Status.CONNECTED, 60)
    assert count_of(one) == PHONES
    away = [gap.seconds for gap in gaps(fleet, phones)]
    p50, p95 = percentile(away, 0.5), percentile(away, 0.95)
    report(f"hand-over of {PHONES} phones by SIGTERM: p50 {p50:.2f} s, p95 {p95:.2f} s")
    assert p95 <= 3.0 * slower
    assert not any(gap.overlapped for gap in gaps(fleet, phones))

    causes = Counter(
        ConnectionMetrics.objects.exclude(cause="").values_list("cause", flat=True)
    )
    assert causes == {"host_lost": PHONES, "host_stopped": PHONES}
    statistics = fleet.sandbox.state()["statistics"]
    assert statistics["double_logins"] == 0
    assert statistics["logins"] == 3 * PHONES
