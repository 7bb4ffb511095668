"""Many phones linked side by side, through the product's own verbs."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phones.models import Organization, OrganizationPhone
    from tests.acceptance.fleet import Fleet

BATCH = 10
BATCH_SECONDS = 180.0  # on a busy machine
SCANS = 600
SCAN_SECONDS = 0.2


def link_many(
    fleet: Fleet, organization: Organization, count: int
) -> tuple[list[OrganizationPhone], list[str]]:
    """New phones, connected on return, and the JIDs of their devices."""
    from sessions import verbs
    from tests.factories import make_phone

    phones: list[OrganizationPhone] = []
    jids: dict[int, str] = {}
    while len(phones) < count:
        size = min(BATCH, count - len(phones))
        batch = [make_phone(organization) for _ in range(size)]
        for phone in batch:
            verbs.link(phone)
        for phone in batch:
            jids[phone.pk] = scanned(fleet, phone)
        fleet.wait(
            lambda batch=batch: all(_connected(fleet, p, jids) for p in batch),
            "all of them connected",
            BATCH_SECONDS,
        )
        phones += batch
    return phones, [jids[phone.pk] for phone in phones]


def _connected(fleet: Fleet, phone: OrganizationPhone, jids: dict[int, str]) -> bool:
    """A pairing that a slow machine interrupted is begun again, as a person would."""
    from phones.models import Status
    from sessions.models import Pairing

    phone.refresh_from_db()
    unlinked = phone.status in (Status.NEW, Status.LOGGED_OUT)
    if unlinked and not Pairing.objects.active().filter(phone=phone).exists():
        jids[phone.pk] = scanned(fleet, phone)
    return phone.status == Status.CONNECTED


def scanned(fleet: Fleet, phone: OrganizationPhone) -> str:
    """The new device's JID; on a slow machine a code is old before it is scanned."""
    from sessions import verbs
    from sessions.models import Pairing
    from sessions.sandbox.control import ControlError

    for _ in range(SCANS):
        if not Pairing.objects.active().filter(phone=phone).exists():
            verbs.link(phone)
        phone.refresh_from_db()
        if phone.qr_code:
            with contextlib.suppress(ControlError):
                return fleet.sandbox.scan(phone.qr_code, phone.phone_number)
        time.sleep(SCAN_SECONDS)
    raise AssertionError("no code could be scanned")
