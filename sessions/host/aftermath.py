"""What an ended episode means for the phone: one entry, by the policy's decision."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from metrics.models import Event
from phones.models import Status
from sessions.host.ending import Ending
from sessions.host.house import House
from sessions.host.journal import Entry, Happening, Wipe
from sessions.host.paths import PhonePaths
from sessions.host.scribe import Scribe
from sessions.host.standstill import Standstill
from sessions.host.verdict import NO_PROCESS, decided, unlinked
from sessions.host.wiping import status_without_keys, wiped
from sessions.models import PairingState
from sessions.policy.causes import CAUSES
from sessions.policy.finding import Context, Finding, finding
from sessions.policy.reconnect import Counters, Decision, decide

if TYPE_CHECKING:
    from sessions.host.launch import LaunchRefused

logger = logging.getLogger(__name__)

ASK_FIRST = ("u3", "u4")  # the account itself may be locked or banned
OUR_CAUSES = {
    "leave": "host_stopped",
    "restart": "restarted_by_person",
    "wish": "stopped_by_person",
    "hold": "held_by_person",
}


@dataclass
class Aftermath:
    """Writes the consequences; the keeper then looks at the rows again."""

    house: House
    scribe: Scribe
    paths: PhonePaths
    generation: int  # of the wish the episode ran under

    async def settle(self, ending: Ending, *, keys: bool) -> None:
        """One entry for any ending but `lost`. keys: a device row exists."""
        match ending.word:
            case "finding" if keys:
                await self._lost_session(ending)
            case "finding":
                await self._lost_pairing(ending)
            case "clear" | "unlinked":
                await self._wiped(ending)
            case "wrong_number":
                await self._wrong_number(ending)
            case "leave" | "restart" | "wish" | "hold":
                await self._ended_by_us(ending, keys=keys)

    @property
    def _standstill(self) -> Standstill:
        return Standstill(self.house, self.scribe)

    async def not_launched(self, refusal: LaunchRefused, *, keys: bool) -> None:
        """No process was started: the same policy decides as for one that ended."""
        reason = refusal.reason
        found = finding(
            refusal.cause,
            {"event": "launch", "reason": reason},
            Context(now=timezone.now()),
            message=reason,
            reason=reason,
            **_named(refusal),
        )
        phone_id = self.scribe.journal.phone.pk
        logger.error("session not started phone=%s cause=%s", phone_id, found.cause)
        if not keys or CAUSES[found.cause].credentials != "none":
            # Nothing ran, so no session was lost and nothing in it is at risk.
            ending = Ending("finding", found, Event.ERROR, counts=False)
            await self.settle(ending, keys=keys)
            return
        await self.scribe.write(
            Entry(
                status=Status.LOGGED_OUT,
                facts=unlinked(found.cause, found.values),
                happenings=[Happening(Event.ERROR, found.cause)],
            )
        )
        self.paths.remove_store()

    async def _lost_session(self, ending: Ending) -> None:
        found = self._standstill.noticed(ending.said)
        ending = replace(ending, finding=found)
        cause = CAUSES[found.cause]
        if cause.credentials == "dead":
            await self._logged_out(ending, found)
            return
        counters = self._counters(ending)
        decision = self._decide(found, counters)
        status = {"restart": Status.DISCONNECTED, "wait": Status.WAITING}.get(
            decision.action, Status.HELD
        )
        logger.info(
            "session ended phone=%s cause=%s action=%s rule=%s attempts=%s",
            self.scribe.journal.phone.pk,
            found.cause,
            decision.action,
            decision.rule,
            decision.attempts,
        )
        await self.scribe.write(
            Entry(
                status=status,
                facts=decided(found, decision, counters, generation=self.generation)
                | self._standstill.facts(found, decision),
                lease=dict(NO_PROCESS),
                happenings=self._happenings(ending, decision),
            )
        )

    def _counters(self, ending: Ending) -> Counters:
        """The phone's past, with this loss unless it was counted or was none."""
        counters = self.scribe.journal.facts.counters
        if ending.recorded or not ending.counts:
            return counters
        return counters.with_loss(
            ending.said.cause, now=timezone.now(), rules=self.house.rules
        )

    def _decide(self, found: Finding, counters: Counters) -> Decision:
        if (waits := self._standstill.decision(found)) is not None:
            return waits
        ends = found.values.get("time")
        return decide(
            found.cause,
            CAUSES[found.cause].action_for(found.code),
            counters=counters,
            now=timezone.now(),
            rng=self.house.rng,
            rules=self.house.rules,
            ban_ends=datetime.fromisoformat(ends) if ends else None,
        )

    async def _logged_out(self, ending: Ending, found: Finding) -> None:
        """Only a LoggedOut comes here: the library deleted the keys already."""
        shut_until = None
        facts = unlinked(found.cause, found.values)
        if found.cause == "u5":
            # Right after linking: trying again at once makes it worse.
            shut_until = timezone.now() + self.house.rules.link_shut
            facts["rule"] = "link_shut"
        logger.warning(
            "session logged out phone=%s cause=%s",
            self.scribe.journal.phone.pk,
            found.cause,
        )
        await self.scribe.write(
            Entry(
                status=Status.LOGGED_OUT,
                phone={"qr_code": None},
                facts={
                    **facts,
                    "link_needs_confirmation": found.cause in ASK_FIRST,
                    "link_shut_until": shut_until,
                },
                lease=dict(NO_PROCESS),
                pairing=self._failed(found),
                happenings=[self._happening(ending)],
                wipe=Wipe(found.cause, logged_out=True),
            )
        )
        self.paths.remove_store()

    async def _lost_pairing(self, ending: Ending) -> None:
        """It ended before there were keys: expired, or failed with its cause."""
        found = ending.said
        interrupted = ending.event == Event.CRASHED
        expired = found.cause == "q1" or interrupted
        state = PairingState.EXPIRED if expired else PairingState.FAILED
        event = Event.QR_EXPIRED if found.cause == "q1" else ending.event
        cause = "pairing_interrupted" if interrupted else found.cause
        await self.scribe.write(
            Entry(
                status=status_without_keys(self.scribe.journal.phone),
                phone={"qr_code": None},
                facts=unlinked(cause, found.values),
                lease=dict(NO_PROCESS),
                pairing=self._failed(found)
                | {
                    "state": state,
                    "cause": cause,
                    "error_code": 408 if expired else found.code,
                },
                happenings=[self._happening(ending, event)],
            )
        )
        self.paths.remove_store()

    async def _wiped(self, ending: Ending) -> None:
        await self.scribe.write(wiped(self.scribe.journal.phone, ending))
        self.paths.remove_store()

    async def _wrong_number(self, ending: Ending) -> None:
        phone = self.scribe.journal.phone
        values = {"expected": phone.phone_number, "actual": ending.number}
        cause = "q5" if ending.undone else "wrong_number_kept"
        await self.scribe.write(
            Entry(
                status=status_without_keys(self.scribe.journal.phone),
                phone={"qr_code": None},
                facts=unlinked(cause, values),
                lease=dict(NO_PROCESS),
                pairing={
                    "state": PairingState.FAILED,
                    "cause": cause,
                    "ended_at": timezone.now(),
                },
                happenings=[Happening(Event.ERROR, cause)],
                closed=ending.closed,
            )
        )
        self.paths.remove_store()

    async def _ended_by_us(self, ending: Ending, *, keys: bool) -> None:
        cause = OUR_CAUSES[ending.word]
        if cause == "host_stopped" and not self.house.stopping:
            cause = "moved"
        was_up = self.scribe.journal.facts.connected_at is not None
        entry = Entry(
            facts={"connected_at": None, "next_at": None, "rule": ""},
            lease=dict(NO_PROCESS),
            happenings=[Happening(Event.DISCONNECTED, cause)] if was_up else [],
            closed=ending.closed,
        )
        if keys:
            entry.status = Status.DISCONNECTED
            entry.facts |= {"cause": cause, "cause_values": {}, "attempts": 0}
        else:
            entry.status = status_without_keys(self.scribe.journal.phone)
            entry.phone["qr_code"] = None
            entry.pairing = {
                "state": PairingState.EXPIRED,
                "cause": cause,
                "error_code": 408,
                "ended_at": timezone.now(),
            }
        await self.scribe.write(entry)
        if not keys:
            self.paths.remove_store()

    def _failed(self, found: Finding) -> dict[str, Any]:
        return {
            "state": PairingState.FAILED,
            "cause": found.cause,
            "error_code": found.code,
            "valid_until": None,
            "ended_at": timezone.now(),
        }

    def _happenings(self, ending: Ending, decision: Decision) -> list[Happening]:
        """One row for what ended, unless it has one; what a guard says comes after."""
        happenings = [] if ending.recorded else [self._happening(ending)]
        if decision.cause:
            happenings.append(Happening(Event.ERROR, decision.cause))
        return happenings

    def _happening(self, ending: Ending, event: Event | None = None) -> Happening:
        return Happening.of(ending.said, event or ending.event)


def _named(refusal: LaunchRefused) -> dict[str, Any]:
    """The check that failed: the page says its sentence in the reader's language."""
    failed = refusal.failed
    if failed is None:
        return {}
    return {"check": failed.check, "check_values": dict(failed.values)}
