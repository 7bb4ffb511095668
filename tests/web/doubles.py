"""A stand-in for the host: writes facts as one would, without running a session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from phones.live import publish
from phones.models import Change, OrganizationPhone, Status
from sessions.models import (
    Host,
    Pairing,
    PairingState,
    PhoneLease,
    SessionFacts,
    Wish,
)

CODE = (
    "https://wa.me/settings/linked_devices#2@AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/"
    "AbCdEfGhIjKlMnOpQrStUvWxYz01,kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=,"
    "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii=,"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=,1"
)


class HostDouble:
    """A host that lives and holds leases, but runs nothing."""

    def __init__(self, name: str = "server-1") -> None:
        self.row = Host.objects.create(name=name, capacity=10, library_version="test")
        # It does not beat while a test waits for a browser.
        ahead = timezone.now() + timedelta(hours=1)
        Host.objects.filter(pk=self.row.pk).update(beat_at=ahead)

    def die(self) -> None:
        Host.objects.filter(pk=self.row.pk).update(
            beat_at=timezone.now() - timedelta(minutes=5)
        )

    def take(self, phone: OrganizationPhone) -> None:
        PhoneLease.objects.update_or_create(
            phone=phone, defaults={"host": self.row, "epoch": 1}
        )

    def report(
        self, phone: OrganizationPhone, status: Status, **facts: Any
    ) -> OrganizationPhone:
        """The phone has this status now; facts by their model names."""
        self.take(phone)
        now = timezone.now()
        OrganizationPhone.objects.filter(pk=phone.pk).update(status=status)
        facts.setdefault("since", now)
        facts.setdefault("host_name", self.row.name)
        SessionFacts.objects.update_or_create(phone=phone, defaults=facts)
        publish(Change.Kind.FACT, phone.pk)
        phone.refresh_from_db()
        return phone

    def connect(self, phone: OrganizationPhone, **facts: Any) -> OrganizationPhone:
        """Linked, wanted and connected."""
        Wish.objects.update_or_create(
            phone=phone, defaults={"desired": Wish.Desired.RUN}
        )
        return self.report(phone, Status.CONNECTED, linked=True, **facts)

    def pair(self, pairing: Pairing, state: PairingState, **fields: Any) -> None:
        """The pairing is in this state now."""
        Pairing.objects.filter(pk=pairing.pk).update(
            state=state, host_name=self.row.name, claimed_epoch=1, **fields
        )
        self.take(pairing.phone)
        publish(Change.Kind.FACT, pairing.phone_id)

    def show_code(
        self, pairing: Pairing, code: str = CODE, k: int = 1, seconds: float = 60
    ) -> None:
        OrganizationPhone.objects.filter(pk=pairing.phone_id).update(
            qr_code=code, status=Status.PAIRING
        )
        self.pair(
            pairing,
            PairingState.QR,
            code_number=k,
            code_count=6,
            valid_until=timezone.now() + timedelta(seconds=seconds),
        )

    def finish(self, pairing: Pairing) -> None:
        """Scanned, linked, online: the code is gone."""
        OrganizationPhone.objects.filter(pk=pairing.phone_id).update(qr_code=None)
        now = timezone.now()
        self.connect(pairing.phone)
        self.pair(pairing, PairingState.ONLINE, paired_at=now, ended_at=now)
