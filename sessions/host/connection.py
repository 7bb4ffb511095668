"""The connection of one session: up, lost, or up without proof, as its lines tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from metrics.models import Event
from phones.models import Status
from sessions.host.ending import Ending
from sessions.host.journal import Entry, Happening
from sessions.policy.classify import SAME_LOSS
from sessions.policy.reconnect import NO_LOSSES, Counters, guard

if TYPE_CHECKING:
    from sessions.host.episode import Episode
    from sessions.policy.finding import Finding

# Nothing to explain, nothing to wait for.
CALM: dict[str, Any] = {
    "cause": "",
    "cause_values": {},
    "rule": "",
    "next_at": None,
}
# Watchdogs of a connection that is up, or on its way.
TIMERS = ("online", "ride", "keepalive")


class Connection:
    """Writes what happens to it; its methods are named after the lines they handle."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.up = False
        self.cause = ""  # of the loss that is being ridden out
        self.proof_at: datetime | None = None  # while it is up
        # A stream error that the loss it causes has yet to follow.
        self.stream_error: Finding | None = None
        facts = episode.journal.facts
        # Tried before and still overloaded: the long ride is over.
        self.rode_overload = facts.rule == "overloaded"

    # -- up ----------------------------------------------------------------------------

    async def on_connected(self, line: Mapping[str, Any]) -> Ending | None:
        episode, now = self.episode, timezone.now()
        unannounced = self._unannounced_loss(line)
        counters = self._came_back(unannounced, now)
        happenings = [] if unannounced is None else [self._loss(unannounced)]
        self.up, self.cause, self.proof_at = True, "", now
        self.stream_error, self.rode_overload = None, False
        episode.diagnosis.forget()
        episode.inbox.drop_timer(*TIMERS)
        episode.inbox.set_timer("settled", settings.WHATSAPP_RESET_AFTER)
        entry = Entry(
            status=Status.CONNECTED,
            phone={"last_connected_at": now},
            facts={
                **episode.tally.take(),
                **CALM,
                **counters.lists,
                "connected_at": now,
                "proof_at": now,
                "library_version": episode.journal.library_version,
            },
            happenings=[*happenings, Happening(Event.CONNECTED)],
        )
        if episode.course is not None:
            episode.course.finish(entry, now)
        await episode.scribe.write(entry)
        episode.house.sense.recovered(episode.journal.phone.pk)
        if episode.course is not None:
            episode.course, episode.scribe.pairing_id = None, None
        # Orders that wait for a connection: their ending is this session's ending.
        return await episode.errands.look() if episode.errands is not None else None

    def _unannounced_loss(self, line: Mapping[str, Any]) -> Finding | None:
        """A Connected with no Disconnected before; a restart (515) is no loss."""
        found = self.episode.diagnosis.find(line, True) if self.up else None
        return None if found is None or found.cause == "s1" else found

    def _came_back(self, unannounced: Finding | None, now: datetime) -> Counters:
        """Only a return from a loss is a reconnect: no first login, no Start."""
        rules, facts = self.episode.house.rules, self.episode.journal.facts
        counters = facts.counters
        if unannounced is not None:
            counters = counters.with_loss(unannounced.cause, now=now, rules=rules)
        elif self.up or facts.cause in NO_LOSSES or facts.rule == "incident":
            return counters
        return counters.with_reconnect(now=now, rules=rules)

    def _loss(self, found: Finding) -> Happening:
        return Happening.of(found, Event.DISCONNECTED)

    # -- lost --------------------------------------------------------------------------

    async def on_disconnected(self, line: Mapping[str, Any]) -> Ending | None:
        """The one row of a connection that ended; then the library may ride it out."""
        found = self._with_stream_error(self.episode.diagnosis.finding(line, self.up))
        if not self.up:
            await self._refused_again(found)
            return None
        rules, now = self.episode.house.rules, timezone.now()
        counters = self.episode.journal.facts.counters
        counters = counters.with_loss(found.cause, now=now, rules=rules)
        if guard(found.cause, counters=counters, now=now, rules=rules):
            return Ending("finding", found, Event.DISCONNECTED)
        self.up, self.cause, self.proof_at = False, found.cause, None
        self.episode.house.sense.noticed(self.episode.journal.phone.pk, found.cause)
        self.episode.inbox.drop_timer("settled", *TIMERS)
        self.episode.inbox.set_timer("ride", rules.ride)
        await self.episode.scribe.write(
            Entry(
                status=Status.DISCONNECTED,
                facts={
                    **self.episode.tally.take(),
                    **counters.lists,
                    **self._riding(found, "ride", rules.ride),
                    "connected_at": None,
                },
                happenings=[self._loss(found)],
            )
        )
        return None

    def _riding(self, found: Finding, rule: str, lasts: timedelta) -> dict[str, Any]:
        return {
            "cause": found.cause,
            "cause_values": found.values,
            "rule": rule,
            "next_at": timezone.now() + lasts,
        }

    def _with_stream_error(self, found: Finding) -> Finding:
        """The loss that a stream error told of keeps the error's raw node."""
        told, self.stream_error = self.stream_error, None
        self.episode.inbox.drop_timer("stream_error")
        if told is None or told.cause != found.cause:
            return found
        return replace(found, evidence=told.evidence)

    async def _refused_again(self, found: Finding) -> None:
        """The library retries by itself; a server that is overloaded is worth a row."""
        if found.cause != "f3" or self.cause == "f3":
            return
        self.cause = found.cause
        self.episode.house.sense.noticed(self.episode.journal.phone.pk, found.cause)
        rules = self.episode.house.rules
        lasts = rules.ride if self.rode_overload else rules.ride_overloaded
        self.episode.inbox.drop_timer(*TIMERS)
        self.episode.inbox.set_timer("ride", lasts)
        await self.episode.scribe.write(
            Entry(
                status=Status.DISCONNECTED,
                facts=self._riding(found, "overloaded", lasts),
                happenings=[Happening.of(found, Event.ERROR)],
            )
        )

    async def on_stream_error(self, line: Mapping[str, Any]) -> None:
        """Its loss follows within milliseconds and is the row; else it gets its own."""
        found = self.episode.diagnosis.finding(line, self.up)
        if not self.up:
            await self._note(found)
            return
        self.stream_error = found
        self.episode.inbox.set_timer("stream_error", SAME_LOSS)

    async def no_loss_followed(self) -> None:
        """A stream error, and the connection lives on."""
        if self.stream_error is not None:
            await self._note(self.stream_error)
        self.stream_error = None

    async def _note(self, found: Finding) -> None:
        await self.episode.scribe.write(
            Entry(happenings=[Happening.of(found, Event.ERROR)])
        )

    def restarts(self) -> None:
        """WhatsApp asked for a restart (515) of a connection that is up.

        The library tries once and tells of nothing but success.
        """
        if self.up:
            self.cause = "s1"
            self.episode.inbox.set_timer("online", settings.WHATSAPP_ONLINE_DEADLINE)

    # -- up, but is it alive -----------------------------------------------------------

    async def on_keepalive_timeout(self, line: Mapping[str, Any]) -> None:
        """One row per silence; the silence itself has an end."""
        found = self.episode.diagnosis.finding(line, self.up)
        if not self.up or self.episode.inbox.has_timer("keepalive"):
            return
        last = line.get("last_success")
        since = datetime.fromtimestamp(last, UTC) if last else self.proof_at
        silent = timezone.now() - since if since is not None else timedelta()
        left = max(settings.WHATSAPP_SILENCE - silent, timedelta())
        self.episode.inbox.set_timer("keepalive", left)
        await self._note(found)

    async def on_keepalive_restored(self, line: Mapping[str, Any]) -> None:
        self.episode.inbox.drop_timer("keepalive")

    async def on_alive(self, line: Mapping[str, Any]) -> Ending | None:
        """Proof of life: when the kernel last saw bytes from WhatsApp."""
        age_ms = line.get("recv_age_ms")
        if self.up and age_ms is not None:
            self.proof_at = timezone.now() - timedelta(milliseconds=float(age_ms))
            self.episode.tally.note(proof_at=self.proof_at)
        return await self.check_proof()

    async def check_proof(self) -> Ending | None:
        """Unproven after WHATSAPP_PROOF_AGE, given up after WHATSAPP_SILENCE."""
        if not self.up or self.proof_at is None:
            return None
        episode, age = self.episode, timezone.now() - self.proof_at
        seconds = int(age.total_seconds())
        if age > settings.WHATSAPP_SILENCE:
            return episode.own_ending("n2", seconds=seconds)
        proven = age <= settings.WHATSAPP_PROOF_AGE
        status = Status.CONNECTED if proven else Status.UNPROVEN
        if status != episode.journal.phone.status:
            await episode.scribe.write(
                Entry(
                    status=status,
                    facts={
                        **episode.tally.take(),
                        "cause": "" if proven else "n2",
                        "cause_values": {} if proven else {"seconds": seconds},
                    },
                )
            )
        return None
