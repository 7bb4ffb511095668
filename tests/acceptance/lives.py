"""What acceptance tests say of a phone's life: linked long ago, its record, silence."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import Pairing, PhoneLease, SessionFacts
from tests.acceptance.fleet import Fleet
from tests.sandbox.clients import Watch

# Longer than a host's look for work (2 s) and a first retry (1 s).
QUIET_SECONDS = 3.5
KNOCKS = {"connected_socket", "login", "pairing_started"}


def link_long_ago(fleet: Fleet, phone: OrganizationPhone) -> str:
    """Link, as if it had been ten minutes ago: not “rejected right after linking”."""
    jid = fleet.link(phone)
    Pairing.objects.filter(phone=phone).update(
        paired_at=timezone.now() - timedelta(minutes=10)
    )
    restart(fleet, phone)
    return jid


def restart(fleet: Fleet, phone: OrganizationPhone) -> None:
    before = fleet.session_pid(phone)
    verbs.restart(phone)
    fleet.wait(
        lambda: fleet.session_pid(phone) not in (before, None), "a new session process"
    )
    fleet.wait_status(phone, Status.CONNECTED)


def facts_of(phone: OrganizationPhone) -> SessionFacts:
    return SessionFacts.objects.get(phone=phone)


def record(phone: OrganizationPhone, after: int = 0) -> list[tuple[Any, ...]]:
    """(event, cause, code) of each row of ConnectionMetrics, oldest first."""
    rows = ConnectionMetrics.objects.filter(phone=phone, pk__gt=after).order_by("id")
    return [*rows.values_list("event", "cause", "error_code")]


def last_record_id() -> int:
    return ConnectionMetrics.objects.order_by("-id").values_list("id", flat=True)[0]


def wait_given_back(fleet: Fleet, phone: OrganizationPhone) -> None:
    """The host has no more business with the phone: no lease, no process."""
    fleet.wait(
        lambda: PhoneLease.objects.filter(phone=phone, host=None).exists(),
        "the release of the lease",
    )
    assert fleet.session_pid(phone) is None


def assert_quiet(fleet: Fleet, watch: Watch, phone: OrganizationPhone) -> None:
    """Nobody knocks at WhatsApp and no pairing begins, for QUIET_SECONDS."""
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        knocks = [e for kind in KNOCKS for e in watch.events(kind)]
        assert not knocks, f"{knocks}\n{fleet.hosts[-1].log}"
        assert not Pairing.objects.active().filter(phone=phone).exists()
        phone.refresh_from_db()
        assert phone.qr_code is None
        time.sleep(0.1)
