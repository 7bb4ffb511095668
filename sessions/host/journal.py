"""The facts of one phone, written under its fence: one transaction per entry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from metrics.models import Event
from metrics.recorder import record
from phones.live import publish
from phones.models import Change, OrganizationPhone, Status
from sessions.auth.quarantine import wipe
from sessions.models import (
    Fence,
    Pairing,
    PhoneRequest,
    SessionFacts,
    fenced_write,
)
from sessions.policy.finding import Finding

logger = logging.getLogger(__name__)

INCIDENT = "incident"  # the rule of a phone that waits for the end of one


@dataclass(frozen=True)
class Happening:
    """One row of ConnectionMetrics to be."""

    event: Event
    cause: str = ""
    code: int | None = None
    message: str = ""
    evidence: dict[str, Any] | None = None

    @classmethod
    def of(cls, found: Finding, event: Event) -> Happening:
        return cls(event, found.cause, found.code, found.message, found.evidence)


@dataclass(frozen=True)
class Wipe:
    """Move the keys to the quarantine: LoggedOut came, or a person said so."""

    reason: str
    logged_out: bool
    user_id: int | None = None


@dataclass
class Entry:
    """What one transaction writes; empty parts are left alone."""

    status: Status | None = None
    phone: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    lease: dict[str, Any] = field(default_factory=dict)
    pairing: dict[str, Any] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    closed: list[tuple[int, PhoneRequest.Result, dict[str, str]]] = field(
        default_factory=list
    )
    wipe: Wipe | None = None
    # Called first in the transaction, for the copy of the keys (see fenced_write).
    before: Callable[[], object] | None = None
    quiet: bool = False  # counters only: no open page needs to be woken


@dataclass
class Journal:
    """The only writer of a phone's facts while its fence holds."""

    fence: Fence
    phone: OrganizationPhone
    facts: SessionFacts
    host_name: str
    library_version: str = ""

    def write(self, entry: Entry, *, pairing_id: int | None = None) -> None:
        """Raises LeaseLost, with nothing written, when the phone is another host's."""
        now = timezone.now()
        self._date(entry, now)
        with fenced_write(self.fence, entry.before, **entry.lease):
            if entry.wipe is not None:
                self._wipe(entry.wipe)
            self._record(entry, pairing_id, now)
            self._update(entry, now)
            if entry.pairing and pairing_id is not None:
                Pairing.objects.active().filter(pk=pairing_id).update(**entry.pairing)
            for request_id, result, answer in entry.closed:
                PhoneRequest(pk=request_id).close(result, **answer)
            if not entry.quiet:
                publish(Change.Kind.FACT, self.phone.pk)
        self._remember(entry)

    def _date(self, entry: Entry, now: datetime) -> None:
        """`since` moves when the status or its cause does; a phone is in an incident
        exactly as long as that is its rule."""
        status = entry.status or Status(self.phone.status)
        cause = entry.facts.get("cause", self.facts.cause)
        if status != self.phone.status or cause != self.facts.cause:
            entry.facts.setdefault("since", now)
        if entry.status is not None:
            entry.phone["status"] = entry.status
        if entry.facts.get("rule", INCIDENT) != INCIDENT:
            entry.facts["incident_id"] = None

    def _wipe(self, order: Wipe) -> None:
        wipe(
            self.phone,
            self.fence,
            reason=order.reason,
            logged_out=order.logged_out,
            user_id=order.user_id,
        )

    def _record(self, entry: Entry, pairing_id: int | None, now: datetime) -> None:
        for happening in entry.happenings:
            record(
                phone_id=self.phone.pk,
                event=happening.event,
                cause=happening.cause,
                code=happening.code,
                message=happening.message,
                connected_at=self.facts.connected_at,
                last_action=entry.facts.get("last_action", self.facts.last_action),
                library_version=self.library_version or self.facts.library_version,
                host=self.host_name,
                pairing=pairing_id,
                evidence=happening.evidence,
                now=now,
            )

    def _update(self, entry: Entry, now: datetime) -> None:
        if entry.phone:
            OrganizationPhone.objects.filter(pk=self.phone.pk).update(
                **entry.phone, updated_at=now
            )
        if entry.facts:
            facts = SessionFacts.objects.filter(phone_id=self.phone.pk)
            if not facts.update(**entry.facts):
                SessionFacts.objects.create(phone_id=self.phone.pk, **entry.facts)

    def _remember(self, entry: Entry) -> None:
        """Keep the copies in memory as the database has them; only after the commit."""
        for name, value in entry.phone.items():
            setattr(self.phone, name, value)
        for name, value in entry.facts.items():
            setattr(self.facts, name, value)
