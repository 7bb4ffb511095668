"""One host with a phone for each row of the catalogue, all struck side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.test import override_settings
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import OrganizationPhone, Status
from sessions.auth.keys import ensure_stamp
from sessions.models import BaileysAuth, Pairing, Quarantine, SessionFacts, Stamp
from sessions.sandbox.control import SandboxControl
from tests.acceptance.conftest import heal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import facts_of, record
from tests.factories import make_organization, make_phone

BATCH = 10  # pairings at a time
MARGIN = timedelta(seconds=60)  # for a slow machine's time between two looks
# The rows are about single phones: what many have in common is tested elsewhere.
ALONE = {
    "WHATSAPP_STARTS_PER_SECOND": "0",
    "WHATSAPP_INCIDENT_PHONES": "1000",
    # Longer than a module runs: in the end nobody must have tried again.
    "WHATSAPP_REFUSED_RETRIES": "600",
    "WHATSAPP_REPLACED_RETRY": "600",
}
CONNECTED = ("connected", "", None)
Happening = tuple[str, str, int | None]


@contextmanager
def running_fleet(
    sandbox: SandboxControl, directory: Path, **settings: str
) -> Iterator[Fleet]:
    """As the `fleet` fixture, for a whole module."""
    sandbox.reset_statistics()
    fleet = Fleet(
        sandbox=sandbox,
        sandbox_directory=Path(sandbox.description["ca_file"]).parent,
        directory=directory,
        settings={**ALONE, **settings},
    )
    with override_settings(WHATSAPP_REALM="sandbox"):
        Stamp.objects.all().delete()
        ensure_stamp()
        try:
            yield fleet
        finally:
            fleet.close()
            heal(sandbox)
            Stamp.objects.all().delete()


@dataclass(frozen=True)
class Row:
    """What is done to one phone, and all that follows from it.

    record: every row of the history from then on. happened: part of the evidence of
    the first one that names the cause. next_at: the least and the most time until the
    next attempt. knocks: logins the sandbox saw from then on, refused ones too.
    """

    cause: str
    strike: Callable[[Fleet, Victim], None]
    record: tuple[Happening, ...]
    status: Status = Status.CONNECTED
    rule: str = ""
    next_at: tuple[timedelta, timedelta] | None = None
    message: str = ""
    happened: Mapping[str, Any] = field(default_factory=dict)
    knocks: int = 1
    wiped: bool = False
    prepare: Callable[[Fleet, Victim], None] | None = None
    patience: float = 30.0


@dataclass
class Victim:
    """The phone of one row."""

    phone: OrganizationPhone
    jid: str
    row: Row
    struck_at: datetime | None = None
    last_record: int = 0
    logins_before: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def record(self) -> list[Happening]:
        """What was written since the strike."""
        return record(self.phone, self.last_record)

    @property
    def facts(self) -> SessionFacts:
        return facts_of(self.phone)

    def metrics(self) -> Any:
        """Rows of the history since the strike that name the row's cause."""
        return ConnectionMetrics.objects.filter(
            phone=self.phone, pk__gt=self.last_record, cause=self.row.cause
        ).order_by("id")

    def has_keys(self) -> bool:
        return BaileysAuth.objects.of(self.phone).filter(key="creds").exists()


@dataclass
class Scene:
    """The victims of a table of rows; `begin` strikes all of them."""

    fleet: Fleet
    victims: dict[str, Victim] = field(default_factory=dict)
    began_after: int = 0  # id of the sandbox's last event before the strikes

    @classmethod
    def of(cls, fleet: Fleet, rows: Mapping[str, Row]) -> Scene:
        """Link one phone per row, as if it had been long ago."""
        organization = make_organization(name="Acme")
        phones = [make_phone(organization) for _ in rows]
        jids: list[str] = []
        for first in range(0, len(phones), BATCH):
            jids += fleet.link_all(phones[first : first + BATCH])
        scene = cls(fleet)
        for phone, jid, (name, row) in zip(phones, jids, rows.items(), strict=True):
            scene.victims[name] = Victim(phone, jid, row)
        return scene

    def begin(self) -> None:
        """Prepare those who need it, then strike them all."""
        self.began_after = self._last_event()
        for victim in self.victims.values():
            if victim.row.prepare is not None:
                victim.row.prepare(self.fleet, victim)
        for victim in self.victims.values():
            rows = ConnectionMetrics.objects.filter(phone=victim.phone).order_by("-id")
            victim.last_record = rows.values_list("id", flat=True)[0]
            victim.logins_before = len(self.logins(victim))
            victim.struck_at = timezone.now()
            victim.row.strike(self.fleet, victim)
        for victim in self.victims.values():
            if release := victim.notes.pop("release", None):
                self.fleet.wait(victim.metrics().exists, "the first error", 60)
                release()

    def wait_settled(self, victim: Victim) -> None:
        """Until the history is the row's; fails with the one that came instead."""
        row = victim.row

        def settled() -> bool:
            victim.phone.refresh_from_db()
            return victim.record == [*row.record] and victim.phone.status == row.status

        try:
            self.fleet.wait(settled, "what the row says", row.patience)
        except AssertionError as error:
            seen = victim.phone.status, victim.record, victim.facts.__dict__
            raise AssertionError(f"instead: {seen}\n{error}") from error

    def logins(self, victim: Victim) -> list[dict[str, Any]]:
        return [
            event
            for event in self.fleet.sandbox.events()
            if event["kind"] == "login" and event["number"] == victim.phone.phone_number
        ]

    def knocks(self, victim: Victim) -> int:
        """Logins that the sandbox has seen since the strike."""
        return len(self.logins(victim)) - victim.logins_before

    def pairings_since(self) -> int:
        events = self.fleet.sandbox.events(self.began_after)
        return sum(event["kind"] == "pairing_started" for event in events)

    def double_logins(self) -> int:
        return int(self.fleet.sandbox.state()["statistics"]["double_logins"])

    def _last_event(self) -> int:
        events = self.fleet.sandbox.events()
        return int(events[-1]["id"]) if events else 0


def assert_explained(victim: Victim) -> None:
    """The history says why, with what it was judged by, and names no number."""
    row, first = victim.row, victim.metrics().first()
    if first is None:
        assert not row.message
        assert not row.happened
        return
    assert row.message in (first.error_message or ""), first.error_message
    fields = first.evidence["fields"]
    assert fields == {**fields, **row.happened}
    assert first.library_version
    assert first.host == "one"
    told = json.dumps([first.evidence, first.error_message])
    assert victim.phone.phone_number not in told


def assert_ruled(victim: Victim) -> None:
    """The phone says what it waits for, and nothing when it is connected again."""
    row, facts = victim.row, victim.facts
    cause = "" if row.status == Status.CONNECTED else row.cause
    assert (facts.cause, facts.rule) == (cause, row.rule)
    if row.next_at is None:
        assert facts.next_at is None
        return
    assert victim.struck_at is not None
    least, most = row.next_at
    assert least - MARGIN < facts.next_at - victim.struck_at < most + MARGIN


def assert_keys(victim: Victim) -> None:
    """Only a LoggedOut wipes; nothing shows a QR."""
    victim.phone.refresh_from_db()
    assert victim.phone.qr_code is None
    assert Pairing.objects.filter(phone=victim.phone).count() == 1
    kept = Quarantine.objects.filter(phone=victim.phone)
    assert victim.facts.linked is not victim.row.wiped
    if victim.row.wiped:
        assert not BaileysAuth.objects.of(victim.phone).exists()
        assert [*kept.values_list("reason", "logged_out")] == [(victim.row.cause, True)]
    else:
        assert victim.has_keys()
        assert not kept.exists()
