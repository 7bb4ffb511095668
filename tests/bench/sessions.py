"""Sessions on one host: memory, threads, time to connect, cost of standing idle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.bench.memory import cpu_seconds, held_by, median_of
from tests.processes import wait_until

if TYPE_CHECKING:
    from phones.models import OrganizationPhone
    from tests.acceptance.fleet import Fleet, HostProcess

SETTLE_SECONDS = 5.0
IDLE_SECONDS = 20.0
PATIENCE = 120.0


def link_all(fleet: Fleet, count: int) -> list[OrganizationPhone]:
    """`count` phones, linked one after the other; the host goes on running."""
    from phones.models import Organization
    from tests.factories import make_phone

    organization, _ = Organization.objects.get_or_create(name="Bench")
    phones = [make_phone(organization) for _ in range(count)]
    for phone in phones:
        fleet.link(phone)
    return phones


def click_to_qr(fleet: Fleet, rounds: int = 5) -> list[float]:
    """Seconds from Link to a code in the row."""
    from phones.models import Organization, Status
    from sessions import verbs
    from tests.factories import make_phone

    organization, _ = Organization.objects.get_or_create(name="Bench")
    took = []
    for _ in range(rounds):
        phone = make_phone(organization)
        began = time.monotonic()
        verbs.link(phone)
        fleet.wait_code(phone)
        took.append(time.monotonic() - began)
        verbs.stop(phone)
        fleet.wait_status(phone, Status.NEW)
    return took


def start_and_connect(
    fleet: Fleet, phones: list[OrganizationPhone]
) -> tuple[HostProcess, float, float]:
    """A stopped host started again: (host, seconds to the logins, to the rows).

    The clock starts before the host's process does. Logins are what the sandbox noted,
    rows are the phones' status in the database; they are looked at rarely, because two
    cores are busy enough.
    """
    from phones.models import OrganizationPhone, Status

    ids = [phone.pk for phone in phones]
    before = max((event["id"] for event in fleet.sandbox.events()), default=0)
    began = time.time()
    host = fleet.launch_host()
    others = OrganizationPhone.objects.filter(pk__in=ids).exclude(
        status=Status.CONNECTED
    )
    wait_until(lambda: not others.exists(), "all connected", PATIENCE, pause=0.05)
    rows = time.time() - began
    logins = [e["at"] for e in fleet.sandbox.events(before) if e["kind"] == "login"]
    assert len(logins) == len(ids)
    return host, max(logins) - began, rows


def measure(
    fleet: Fleet, host: HostProcess, phones: list[OrganizationPhone]
) -> dict[str, Any]:
    """Memory and threads of host, forkserver and sessions, and the host's idle CPU."""
    time.sleep(SETTLE_SECONDS)
    cpu = cpu_seconds(host.process.pid)
    time.sleep(IDLE_SECONDS)
    cpu = cpu_seconds(host.process.pid) - cpu
    forkserver = host.forkserver_pid()
    session = median_of([fleet.session_pid(phone) or 0 for phone in phones])
    own, preloaded = held_by(host.process.pid), held_by(forkserver)
    return {
        "session_pss_mib": round(session.pss_mib, 1),
        "session_threads": session.threads,
        "host_pss_mib": round(own.pss_mib, 1),
        "host_threads": own.threads,
        "forkserver_pss_mib": round(preloaded.pss_mib, 1),
        "host_idle_cpu_percent": round(100 * cpu / IDLE_SECONDS, 2),
    }


def exchange(fleet: Fleet, phones: list[OrganizationPhone], each: int) -> float:
    """Every phone sends `each` texts to its neighbour; messages per second in all."""
    from sessions import verbs
    from sessions.models import PhoneRequest, SessionFacts

    began = time.monotonic()
    ids = [phone.pk for phone in phones]
    for _ in range(each):
        for phone, peer in zip(phones, phones[1:] + phones[:1], strict=True):
            phone.refresh_from_db()
            verbs.send(phone, to=peer.phone_number, text="bench")
    wait_until(
        lambda: not PhoneRequest.objects.open().filter(phone_id__in=ids).exists(),
        "all messages sent",
        600,
    )
    facts = SessionFacts.objects.filter(phone_id__in=ids)
    wait_until(
        lambda: sum(facts.values_list("received", flat=True)) >= each * len(ids) * 0.98,
        "messages received",
        120,
    )
    return each * len(ids) / (time.monotonic() - began)
