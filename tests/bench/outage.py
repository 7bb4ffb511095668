"""The network is away for minutes for a whole fleet: one incident, then all come back.

Judged by the sandbox's log (who knocked when) and by the rows.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.bench.linking import link_many

if TYPE_CHECKING:
    from tests.acceptance.fleet import Fleet

BACK_SECONDS = 60.0  # promised
PATIENCE = 240.0
# Sessions ride the outage out for a while; afterwards only canaries knock.
RIDING_SECONDS = 90.0
STARTED = re.compile(r"^(\S+ \S+) INFO sessions\.host\.launch session started", re.M)


class Knocks:
    """The sandbox's events since this was made; `look` more often than 50 000 come."""

    def __init__(self, fleet: Fleet) -> None:
        self.sandbox = fleet.sandbox
        before = self.sandbox.events()
        self.last = before[-1]["id"] if before else 0
        self.events: list[dict[str, Any]] = []

    def look(self) -> None:
        self.events += self.sandbox.events(self.last)
        self.last = self.events[-1]["id"] if self.events else self.last

    def at(self, *kinds: str) -> list[float]:
        self.look()
        return [event["at"] for event in self.events if event["kind"] in kinds]


def measure(fleet: Fleet, count: int, hosts: int, seconds: float) -> dict[str, Any]:
    """An outage of so many seconds for `count` phones on `hosts` hosts."""
    from phones.models import Organization

    fleet.settings = {}  # the defaults, the start budget too
    for number in range(hosts):
        fleet.start_host(f"host{number}")
    organization = Organization.objects.create(name="Outage")
    link_many(fleet, organization, count)
    fleet.sandbox.reset_statistics()
    knocks = Knocks(fleet)
    began = time.time()
    fleet.sandbox.fault("refuse_connections", seconds=seconds + 3600)
    fleet.sandbox.fault("drop")
    while time.time() < began + seconds:
        knocks.look()
        time.sleep(1.0)
    before_return = rows()
    fleet.sandbox.fault("refuse_connections", seconds=0)
    returned = time.time()
    back = wait_connected(fleet, count, knocks)
    refused, logins = knocks.at("refused_socket"), knocks.at("success_sent")
    starts = [at for at in started(fleet) if at >= began]
    statistics = fleet.sandbox.state()["statistics"]
    return {
        "phones": count,
        "hosts": hosts,
        "outage_s": round(returned - began, 1),
        "load": [round(load, 1) for load in os.getloadavg()],
        **before_return,
        "refused_while_riding": sum(at < began + RIDING_SECONDS for at in refused),
        "refused_afterwards": sum(at >= began + RIDING_SECONDS for at in refused),
        "starts_per_second_most_in_the_outage": most_in_a_second(
            at for at in starts if at < returned
        ),
        "all_connected_after_s": back,
        "back_within_60_s": back is not None and back <= BACK_SECONDS,
        "last_login_after_s": round(max(logins, default=returned) - returned, 1),
        "starts_per_second_most_afterwards": most_in_a_second(
            at for at in starts if at >= returned
        ),
        "incidents_after_the_return": rows()["incidents"],
        "double_logins": statistics["double_logins"],
        "pairings": len(knocks.at("pairing_started")),
    }


def rows() -> dict[str, Any]:
    """What the database says of the incident, and of the attempts it cost."""
    from phones.models import OrganizationPhone
    from sessions.models import Incident, SessionFacts

    facts = SessionFacts.objects.values_list("attempts", "rule")
    rules = [rule for _, rule in facts]
    statuses = list(OrganizationPhone.objects.values_list("status", flat=True))
    return {
        "incidents": [
            {
                "kind": one.kind,
                "of": "fleet" if one.host_id is None else "host",
                "phones": one.phone_count,
                "active": one.ended_at is None,
            }
            for one in Incident.objects.order_by("pk")
        ],
        "attempts_spent": sum(attempts for attempts, _ in facts),
        "rules": {rule: rules.count(rule) for rule in sorted(set(rules))},
        "statuses": {word: statuses.count(word) for word in sorted(set(statuses))},
    }


def wait_connected(fleet: Fleet, count: int, knocks: Knocks) -> float | None:
    """Seconds until the rows of all phones say connected; None: not in time."""
    from phones.models import OrganizationPhone, Status

    began = time.monotonic()
    while time.monotonic() < began + PATIENCE:
        connected = OrganizationPhone.objects.filter(status=Status.CONNECTED).count()
        if connected == count:
            return round(time.monotonic() - began, 1)
        knocks.look()
        time.sleep(0.25)
    return None


def started(fleet: Fleet) -> list[float]:
    """Times of process starts, of all hosts."""
    return sorted(
        datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
        for host in fleet.hosts
        for match in STARTED.finditer(host.log)
    )


def most_in_a_second(times: Iterable[float]) -> int:
    """The largest number of moments in any window of one second."""
    ordered = sorted(times)
    first = most = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
