"""A phone that stands still while an incident is on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from phones.models import Status
from sessions.host.journal import INCIDENT, Entry
from sessions.policy.causes import CAUSES
from sessions.policy.finding import Finding
from sessions.policy.incidents import Counted, given_back
from sessions.policy.reconnect import Decision

if TYPE_CHECKING:
    from sessions.host.house import House
    from sessions.host.scribe import Scribe

# The sense wakes the phone; this is for a wake-up that gets lost.
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Standstill:
    """Asks fleet sense before each start of one phone, and writes that it waits."""

    house: House
    scribe: Scribe

    async def seconds(self, *, asked: bool) -> float:
        """Until the phone may start, or until it should ask again; 0: now.

        asked: a person wants it to start now, whatever its wait or an incident says.
        """
        sense, facts = self.house.sense, self.scribe.journal.facts
        await sense.looked()
        if asked:
            sense.let_try(facts.phone_id)
            return 0.0
        own = 0.0
        if facts.next_at is not None:
            own = (facts.next_at - timezone.now()).total_seconds()
        incident = sense.holding(facts, starting=own <= 0)
        if incident is None:
            return max(own, 0.0)
        sense.waits(facts.phone_id, incident)
        await self._join(incident)
        return WAIT_SECONDS

    def noticed(self, found: Finding) -> Finding:
        """Tell fleet sense; what nobody can reach is not this phone's network (n4)."""
        if "proxy" in found.values:
            # The phone's own way out, and its own trouble: nothing others share.
            return found
        sense, phone_id = self.house.sense, self.scribe.journal.phone.pk
        sense.noticed(phone_id, found.cause)
        incident = sense.incident_for(phone_id, found.cause)
        if incident is None:
            return found
        everywhere = found.cause == "n3" and sense.kind_of(incident) == "unreachable"
        values = dict(found.values)
        if at := sense.next_probe(incident):
            values["time"] = at.isoformat()
        return replace(found, cause="n4" if everywhere else found.cause, values=values)

    def decision(self, found: Finding) -> Decision | None:
        """Wait for an incident instead of spending an attempt; None: no such incident.

        What holds a phone holds it in an incident too.
        """
        facts = self.scribe.journal.facts
        action = CAUSES[found.cause].action_for(found.code)
        if action == "hold" or self._incident_of(found) is None:
            return None
        return Decision(
            "wait",
            INCIDENT,
            attempts=facts.attempts,
            dial_failures=facts.dial_failures,
        )

    def facts(self, found: Finding, decision: Decision) -> dict[str, Any]:
        """What a decision to wait for an incident adds to the facts."""
        if decision.rule != INCIDENT:
            return {}
        return {"incident_id": self._incident_of(found)}

    def _incident_of(self, found: Finding) -> int | None:
        if "proxy" in found.values:
            return None
        phone_id = self.scribe.journal.phone.pk
        return self.house.sense.incident_for(phone_id, found.cause)

    async def _join(self, incident: int) -> None:
        journal = self.scribe.journal
        facts = journal.facts
        joined = facts.rule == INCIDENT and facts.incident_id == incident
        if joined and journal.phone.status == Status.WAITING:
            return
        counted = Counted(facts.attempts, facts.dial_failures)
        counted = given_back(facts.rule, counted)
        await self.scribe.write(
            Entry(
                status=Status.WAITING,
                facts={
                    "rule": INCIDENT,
                    "incident_id": incident,
                    "next_at": None,
                    "attempts": counted.attempts,
                    "dial_failures": counted.dial_failures,
                },
            )
        )
