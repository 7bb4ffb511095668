"""How long a phone is away when its host is killed, and when it is handed over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.acceptance.logins import last_gap, logins_of, percentile
from tests.bench.linking import link_many
from tests.processes import wait_until

if TYPE_CHECKING:
    from tests.acceptance.fleet import Fleet, HostProcess

TTL = 10.0
HOSTS = 3
SETTLE_SECONDS = 5.0


def measure(fleet: Fleet, count: int) -> dict[str, Any]:
    """kill -9 of the host with most phones, then SIGTERM of the one with most."""
    from phones.models import Organization

    # The defaults, the start budget too, but short leases.
    fleet.settings = {
        "WHATSAPP_LEASE_TTL": str(TTL),
        "WHATSAPP_LEASE_RENEW": "2",
        "WHATSAPP_LEASE_MARGIN": "2",
    }
    hosts = [fleet.start_host(f"host{number}") for number in range(HOSTS)]
    organization = Organization.objects.create(name="Bench")
    link_many(fleet, organization, count)
    time.sleep(SETTLE_SECONDS)
    fleet.sandbox.reset_statistics()
    figures: dict[str, Any] = {"phones": count, "hosts": HOSTS, "lease_ttl_s": TTL}

    host = busiest(hosts)
    numbers = phones_of(host)
    killed_at = time.time()
    host.kill()
    logins = back(fleet, numbers, killed_at)
    took = [logins[number][-1].success_at - killed_at for number in numbers]
    figures["takeover"] = spread(took) | {"promised_p95_s": TTL + 5}

    fleet.start_host(host.name, host.directory)
    time.sleep(SETTLE_SECONDS)
    host = busiest([one for one in hosts if one is not host])
    numbers = phones_of(host)
    asked_at = time.time()
    host.terminate(60)
    logins = back(fleet, numbers, asked_at)
    gaps = [last_gap(logins[number]) for number in numbers]
    figures["hand_over"] = spread([gap.seconds for gap in gaps]) | {
        "promised_p95_s": 3.0,
        "overlapped": sum(gap.overlapped for gap in gaps),
    }
    state = fleet.sandbox.state()["statistics"]
    return figures | {"double_logins": state["double_logins"]}


def busiest(hosts: list[HostProcess]) -> HostProcess:
    return max(hosts, key=lambda host: len(phones_of(host)))


def phones_of(host: HostProcess) -> list[str]:
    """Numbers of the phones whose lease this host has."""
    from sessions.models import PhoneLease

    held = PhoneLease.objects.filter(host__name=host.name)
    return list(held.values_list("phone__phone_number", flat=True))


def back(fleet: Fleet, numbers: list[str], since: float) -> dict[str, Any]:
    """All logins, once each of these phones has logged in again."""

    def all_back() -> Any:
        logins = logins_of(fleet.sandbox)
        there = all(logins[number][-1].success_at > since for number in numbers)
        time.sleep(0.2)
        return logins if there else None

    found: dict[str, Any] = wait_until(all_back, "all back", 180)
    return found


def spread(values: list[float]) -> dict[str, float]:
    return {
        "phones": len(values),
        "p50_s": round(percentile(values, 0.5), 2),
        "p95_s": round(percentile(values, 0.95), 2),
        "max_s": round(max(values), 2),
    }
