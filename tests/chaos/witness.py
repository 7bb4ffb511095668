"""Collects what the invariants are judged by: the sandbox's log and our rows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.chaos.evidence import Evidence, PhoneAtEnd
from tests.chaos.matching import Record
from tests.chaos.sandbox_log import Event
from tests.processes import wait_until

if TYPE_CHECKING:
    from tests.chaos.faults import Hand
    from tests.chaos.stage import Stage

SETTLE_SECONDS = 180.0
LAST_RECORDS = 5.0
LOOK_SECONDS = 1.0
WEB_SECONDS = 60.0  # it may have been started a moment ago
# A host that starts while PostgreSQL is away ends with one of these.
DATABASE_ERRORS = ("OperationalError", "InterfaceError", "AdminShutdown")
ERROR_LINE = re.compile(r"^([\w.]*(?:Error|Exception|Exit|Lost|Refused|Process)\b.*)$")


class Witness:
    """`look` often: the sandbox keeps only the newest events.

    began, ended: moments at which all was well, so that what ended before has its
    record. At any other one a phone may be on its way: hosts go on to give phones to
    each other.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.events: list[Event] = []
        self.began = 0.0
        self.ended = 0.0
        self._at_end: list[PhoneAtEnd] = []
        self._last_pairing = 0
        self._looked = 0.0

    def start(self) -> None:
        from sessions.models import Pairing

        self.look(now=True)
        self.stage.fleet.sandbox.reset_statistics()
        self._last_pairing = Pairing.objects.latest("id").pk
        self.began = wait_until(
            self._well_at, "all connected", SETTLE_SECONDS, pause=0.5
        )

    def look(self, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        after = self.events[-1]["id"] if self.events else 0
        self.events += self.stage.fleet.sandbox.events(after)

    def settle(self, work: Callable[[], None]) -> float | None:
        """Seconds until every phone that may be is connected; None when one stays."""
        began = time.monotonic()

        def all_well() -> bool:
            work()
            time.sleep(0.5)
            well_at = self._well_at()
            self.ended = well_at or self.ended
            return well_at is not None

        def seconds_until_well() -> float | None:
            left = SETTLE_SECONDS - (time.monotonic() - began)
            try:
                wait_until(all_well, "all connected", left)
            except AssertionError:
                return None
            return round(time.monotonic() - began, 1)

        took = seconds_until_well()
        time.sleep(LAST_RECORDS)
        if seconds_until_well() is None:
            self.ended = time.time()
        self.look(now=True)
        return took

    def _well_at(self) -> float | None:
        """The moment of asking when every phone is as it should be, else None."""
        asked = time.time()
        found = self.stage.ask(self._phones)
        self._at_end = found or self._at_end
        return asked if found is not None and all(map(_is_well, found)) else None

    def evidence(self, hand: Hand, settled: float | None) -> Evidence:
        from sessions.models import Pairing

        statistics = self.stage.fleet.sandbox.state()["statistics"]
        return Evidence(
            began=self.began,
            ended=self.ended,
            events=[event for event in self.events if event["at"] <= self.ended],
            records=self._records(),
            applied=sorted(hand.applied, key=lambda one: one.began),
            phones=self._at_end or self._phones(),
            double_logins=statistics["double_logins"],
            pairings=Pairing.objects.filter(pk__gt=self._last_pairing).count(),
            settled=settled,
            web_answers=self._web_answers(),
            tracebacks=self._tracebacks(),
            undetected=hand.undetected,
        )

    def _records(self) -> list[Record]:
        from metrics.models import ConnectionMetrics
        from metrics.record_text import LOSSES

        numbers = {phone.pk: phone.phone_number for phone in self.stage.phones}
        rows = ConnectionMetrics.objects.filter(event__in=LOSSES).order_by("id")
        return [
            Record(
                number=numbers[row.phone_id],
                at=row.timestamp.timestamp(),
                event=row.event,
                cause=row.cause,
                code=row.error_code,
                connected_seconds=row.connected_seconds,
                host=row.host,
            )
            for row in rows
            if row.phone_id in numbers
            and self.began <= row.timestamp.timestamp() <= self.ended
        ]

    def _web_answers(self) -> bool:
        try:
            wait_until(self.stage.web_answers, "the web", WEB_SECONDS)
        except AssertionError:
            return False
        return True

    def _phones(self) -> list[PhoneAtEnd]:
        from phones.models import OrganizationPhone
        from sessions.models import BaileysAuth, SessionFacts

        devices = self._devices()
        unlinked = {e["number"] for e in self.events if e["kind"] == "unlinked"}
        rows = OrganizationPhone.objects.in_bulk([p.pk for p in self.stage.phones])
        linked = dict(SessionFacts.objects.values_list("phone_id", "linked"))
        creds = BaileysAuth.objects.filter(key="creds")
        keys = {bare(jid) for jid in creds.values_list("phone_jid", flat=True)}
        return [
            PhoneAtEnd(
                number=phone.phone_number,
                unlinked=phone.phone_number in unlinked,
                status=rows[phone.pk].status,
                linked=linked.get(phone.pk, False),
                has_keys=bare(jid) in keys,
                device=devices[jid]["device"] if jid in devices else None,
                connected=bool(devices.get(jid, {}).get("connected")),
                qr_code=rows[phone.pk].qr_code is not None,
            )
            for phone, jid in zip(self.stage.phones, self.stage.jids, strict=True)
        ]

    def _devices(self) -> dict[str, dict[str, Any]]:
        return {
            device["jid"]: device
            for account in self.stage.fleet.sandbox.state()["accounts"]
            for device in account["devices"]
        }

    def _tracebacks(self) -> list[str]:
        """The last lines of what the hosts did not expect."""
        found: list[str] = []
        for host in self.stage.fleet.hosts:
            for part in host.log.split("Traceback (most recent call last):")[1:]:
                lines = [m[1] for m in map(ERROR_LINE.match, part.splitlines()) if m]
                last = lines[0] if lines else part.strip().splitlines()[-1]
                if not any(name in last for name in DATABASE_ERRORS):
                    found.append(f"{host.log_path.name}: {last}")
        return found


def _is_well(phone: PhoneAtEnd) -> bool:
    """Connected; or logged out, if it was unlinked."""
    if phone.unlinked:
        return not (phone.linked or phone.has_keys)
    return phone.connected and phone.status == "connected"


def bare(jid: str) -> str:
    return jid.partition("@")[0].partition(":")[0]
