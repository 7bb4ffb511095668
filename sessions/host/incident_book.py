"""The incidents in the database, as one host reads and writes them; no event loop."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions.models import Host, Incident, PhoneLease
from sessions.models.clock import ClockNow
from sessions.models.incident import failing_phones
from sessions.policy.incidents import (
    IncidentRules,
    commonest,
    is_over,
    opens_alone,
    pause_of,
    scope_of,
)

# Where several hosts wait, the one whose phone tried last lets the others go first.
COURTESY = timedelta(seconds=3)


def incident_rules() -> IncidentRules:
    return IncidentRules(
        phones=settings.WHATSAPP_INCIDENT_PHONES,
        share=settings.WHATSAPP_INCIDENT_SHARE,
        window=settings.WHATSAPP_INCIDENT_WINDOW,
        probe=settings.WHATSAPP_INCIDENT_PROBE,
        outdated_probe=settings.WHATSAPP_OUTDATED_RETRY,
        quiet=settings.WHATSAPP_INCIDENT_QUIET,
    )


@dataclass(frozen=True)
class Book:
    """What one host knows and does about the incidents of the fleet."""

    host_id: uuid.UUID
    host_name: str
    library: str  # what this host speaks to WhatsApp with
    rules: IncidentRules

    def active(self) -> list[Incident]:
        """All of them, other hosts' too; the one query of a quiet host."""
        return list(Incident.objects.active().with_due(COURTESY).order_by("pk"))

    def judge(self, kind: str, seen_here: Mapping[int, str]) -> bool:
        """Open an incident if it is one; True when this call opened it.

        seen_here: {phone id: cause} of the failures that this host saw itself in the
        window; the other hosts' are read from the facts.
        """
        failed, causes, details = self._failing(kind)
        failed |= dict.fromkeys(seen_here, self.host_name)
        causes += seen_here.values()
        running = {
            phone_id: str(name)
            for phone_id, name in PhoneLease.objects.current().values_list(
                "phone_id", "host__name"
            )
        }
        scope = scope_of(kind, failed, running, here=self.host_name, rules=self.rules)
        if scope is None:
            return False
        fleet = scope == "fleet"
        return Incident.objects.open(
            kind,
            host_id=None if fleet else self.host_id,
            cause=commonest(causes),
            message=self.library if opens_alone(kind) else commonest(details),
            phone_count=sum(
                fleet or host == self.host_name for host in failed.values()
            ),
            pause=pause_of(kind, self.rules),
        )

    def _failing(self, kind: str) -> tuple[dict[int, str], list[str], list[str]]:
        rows = failing_phones(kind, timezone.now() - self.rules.window).values_list(
            "pk", "facts__host_name", "facts__cause", "facts__cause_values"
        )
        failed: dict[int, str] = {}
        causes: list[str] = []
        details: list[str] = []
        for phone_id, host_name, cause, values in rows:
            failed[phone_id] = host_name
            causes.append(cause)
            details.append(str((values or {}).get("detail") or ""))
        return failed, causes, details

    def hasten(self) -> int:
        """Another library than the refused one may be what WhatsApp asked for: its
        canary need not wait for half an hour. Once per library."""
        refused = Incident.objects.active().filter(kind=Incident.Kind.OUTDATED)
        return refused.exclude(message=self.library).update(
            message=self.library, next_probe_at=ClockNow()
        )

    def end(self, incident_ids: Iterable[int]) -> int:
        return Incident.objects.filter(pk__in=incident_ids).end(now=timezone.now())

    def tend(self, incident: Incident, last_at: datetime | None, seen: int) -> bool:
        """Keep the row current; True when this call ended the incident.

        last_at: of the newest failure that this host saw. seen: how many phones of its
        own have failed in it.
        """
        now = timezone.now()
        if last_at is not None and last_at > incident.last_at:
            Incident.objects.active().filter(pk=incident.pk).update(last_at=last_at)
            incident.last_at = last_at
        members = incident.phones().count()
        if max(members, seen) > incident.phone_count:
            Incident.objects.all().grown(incident.pk, max(members, seen))
        over = is_over(
            incident.kind,
            members=members,
            last_at=incident.last_at,
            now=now,
            rules=self.rules,
        )
        if over or self._is_orphaned(incident):
            return self.end([incident.pk]) == 1
        return False

    def _is_orphaned(self, incident: Incident) -> bool:
        """Its host is gone: whoever gets its phones looks for itself."""
        if incident.host_id in (None, self.host_id):
            return False
        return not Host.objects.alive().filter(pk=incident.host_id).exists()

    def end_swallowed(self) -> bool:
        """Two hosts may have opened the fleet's and a host's at the same time."""
        return Incident.objects.all().swallowed().end(now=timezone.now()) > 0

    def may_probe(self, incident: Incident, *, last_was_ours: bool) -> bool:
        """It is time, nobody tries at this moment, and it is this host's turn."""
        if not incident.due or self._canary_is_trying(incident):
            return False
        alone = incident.host_id is not None or not last_was_ours
        return alone or incident.long_due or not self._others_live()

    def _canary_is_trying(self, incident: Incident) -> bool:
        """A living host starts the last canary."""
        if incident.canary_id is None:
            return False
        starting = OrganizationPhone.objects.filter(
            pk=incident.canary_id, status=Status.CONNECTING
        )
        kept = PhoneLease.objects.current().filter(phone_id=incident.canary_id)
        return starting.exists() and kept.exists()

    def _others_live(self) -> bool:
        return Host.objects.alive().exclude(pk=self.host_id).exists()

    def claim(self, incident: Incident, canary_id: int) -> bool:
        pause = pause_of(incident.kind, self.rules)
        return pause is not None and Incident.objects.all().claim_probe(
            incident.pk, canary_id, pause
        )
