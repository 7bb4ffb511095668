"""The life of one session process, from its start to its end.

Everything the process says arrives in the inbox and is handled in order; each
reaction writes one entry. The episode ends with an Ending; what follows is the
keeper's business.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.utils import timezone

from metrics.models import Event
from sessions.auth.central_copy import Extent
from sessions.host import warnings
from sessions.host.answers import Answers
from sessions.host.connection import Connection
from sessions.host.diagnosis import Diagnosis
from sessions.host.ending import Ending
from sessions.host.inbox import Inbox, Item, Nudge, Rang
from sessions.host.journal import Entry
from sessions.host.live_session import Ended, LiveSession
from sessions.host.tally import Tally
from sessions.models import LeaseLost
from sessions.policy.warnings import Warned, undecryptable_share

if TYPE_CHECKING:
    from sessions.host.errands import Errands
    from sessions.host.house import House
    from sessions.host.key_copy import KeyCopy
    from sessions.host.pairing_course import PairingCourse
    from sessions.host.scribe import Scribe

logger = logging.getLogger(__name__)

# The LoggedOut event may come after the copy saw the device row vanish.
VANISHED_SECONDS = 5.0
# Lines after which the process is of no more use; policy decides what follows.
FATAL = {
    "logged_out": Event.LOGGED_OUT,
    "temporary_ban": Event.ERROR,
    "connect_failure": Event.ERROR,
    "client_outdated": Event.ERROR,
    "stream_replaced": Event.DISCONNECTED,
    "connect_raised": Event.ERROR,
    "refused": Event.ERROR,
}
# Timers that end the session when they ring, and its cause; "": what it was lost for.
WATCHDOGS = {
    "silence": "hung",  # no line for three heartbeats
    "online": "",
    "ride": "",
    "keepalive": "n2",
    "vanished": "vanished",
}


class Episode:
    """One session process of one phone."""

    def __init__(
        self,
        *,
        house: House,
        scribe: Scribe,
        inbox: Inbox,
        session: LiveSession,
        keys: KeyCopy,
        errors: Path,
    ) -> None:
        self.house = house
        self.scribe = scribe
        self.journal = scribe.journal
        self.inbox = inbox
        self.session = session
        self.keys = keys
        self.course: PairingCourse | None = None
        self.errands: Errands | None = None
        self.connection = Connection(self)
        self.diagnosis = Diagnosis(scribe.journal, errors, house.rules)
        self.tally = Tally(scribe.journal.facts, inbox)
        self.answers = Answers(self)

    @property
    def connected(self) -> bool:
        return self.connection.up

    async def run(self) -> Ending:
        """Until the end; the process is gone and the last change copied on return."""
        self.inbox.set_timer("silence", 3 * settings.WHATSAPP_HEARTBEAT)
        self.inbox.set_timer("online", settings.WHATSAPP_ONLINE_DEADLINE)
        ending: Ending | None = None
        try:
            while ending is None:
                ending = await self.react(await self.inbox.next())
        finally:
            await self.session.end(polite=ending is not None and ending.polite)
        if ending.word != "lost":
            ending = await self._last_words(ending)
            await self.keys.finish()
        return ending

    async def _last_words(self, ending: Ending) -> Ending:
        """What it still said while it stopped: messages count, sends are answered.

        The ending is the logout's, if one was under way.
        """
        lines = self.inbox.take_lines()
        for line in lines:
            self.tally.line(str(line.get("event", "")), line)
        results = [line for line in lines if line.get("event") == "result"]
        late = await self.errands.close(results) if self.errands is not None else None
        await self.flush()
        if late is None:
            return ending
        return replace(late, also=(ending.request,) if ending.request else ())

    async def react(self, item: Item) -> Ending | None:
        match item:
            case Ended(code=code):
                return self._exited(code)
            case Nudge(word=word):
                return await self._nudged(word)
            case Rang(timer=timer):
                return await self._rang(timer)
            case _:
                return await self._line(item)

    async def check_health(self, copied: Extent | None) -> None:
        """Each WHATSAPP_HEALTH_CHECK, beside the episode's own task.

        Proof of life to the database and to the test, hand-deleted rows back, and
        whether what arrives can be read. copied: what the copy of its keys holds.
        """
        await self.flush()
        if self.connected:
            self.inbox.put(Rang("proof"))
            await self.keys.check(copied)
        now = timezone.now()
        unread = undecryptable_share(
            self.tally.arrivals, now=now, rules=self.house.rules
        )
        if (unread is not None) != ("d1" in self.journal.facts.warnings):
            await self.warn("d1", unread)

    async def warn(self, cause: str, warned: Warned | None) -> None:
        """Put a warning in or out; it changes nothing else."""
        self.journal.facts.warnings = await self.house.threads.patiently(
            warnings.warn, self.journal.fence, cause, warned, timezone.now()
        )

    async def _line(self, line: Mapping[str, Any]) -> Ending | None:
        event = str(line.get("event", ""))
        self.inbox.set_timer("silence", 3 * settings.WHATSAPP_HEARTBEAT)
        if self.course is not None:
            handled, ending = await self.course.line(event, line)
            if handled:
                return ending
        if self.tally.line(event, line):
            return None
        if event in FATAL:
            return self.end_with(line, FATAL[event])
        reaction = getattr(self, f"_on_{event}", None)
        reaction = reaction or getattr(self.connection, f"on_{event}", None)
        if reaction is None:
            logger.debug("line ignored phone=%s event=%s", self.journal.phone.pk, event)
            return None
        return cast("Ending | None", await reaction(line))

    async def _nudged(self, word: str) -> Ending | None:
        if word == "leave":
            return Ending("leave")
        if word == "lost":
            raise LeaseLost(f"phone={self.journal.phone.pk}")
        if word == "frozen":
            self.inbox.set_timer("vanished", VANISHED_SECONDS)
            return None
        return await self.errands.look() if self.errands is not None else None

    async def _rang(self, timer: str) -> Ending | None:
        if timer == "flush":
            await self.flush()
        elif timer == "settled":
            calm = {"attempts": 0, "dial_failures": 0}
            await self.scribe.write(Entry(facts=calm, quiet=True))
        elif timer == "stream_error":
            await self.connection.no_loss_followed()
        elif timer == "proof":
            return await self.connection.check_proof()
        elif timer in WATCHDOGS:
            return self._given_up(timer)
        elif self.errands is not None:
            return await self.errands.rang(timer)
        return None

    def _given_up(self, timer: str) -> Ending:
        logger.warning("watchdog phone=%s timer=%s", self.journal.phone.pk, timer)
        if timer == "silence":
            self.session.kill()
        cause = WATCHDOGS[timer] or self.connection.cause
        ending = self.own_ending(cause or ("s1" if self.course else "n1"))
        # The row of the loss that was ridden was written when it came.
        return replace(ending, recorded=timer == "ride")

    async def _on_hello(self, line: Mapping[str, Any]) -> None:
        self.journal.library_version = str(line.get("library", ""))

    async def _on_log(self, line: Mapping[str, Any]) -> Ending | None:
        """Some causes exist nowhere but in the library's log."""
        self.diagnosis.log_lines.append(line)
        if "Got 515 code" in str(line.get("line", "")):
            self.connection.restarts()
        found = self.diagnosis.look(line, self.connected)
        if found is None:
            return None
        if found.cause == "i1":
            return await self.answers.judge(found)
        # s1: the one reconnect after 515 failed, none follows. l3: the store does not
        # keep what the session learns, so it must not go on.
        return self.end_with(line)

    async def _on_result(self, line: Mapping[str, Any]) -> Ending | None:
        to, ending = "", None
        if self.errands is not None:
            to = self.errands.recipient(line)
            ending = await self.errands.result(line)
        found = self.diagnosis.look(line, self.connected)
        if ending is None and found is not None and found.cause == "l3":
            return self.end_with(line)
        if ending is None and found is not None:
            ending = await self.answers.judge(found, to)
        return ending

    async def flush(self) -> None:
        """Write the counters, if any changed."""
        if counted := self.tally.take():
            await self.scribe.write(Entry(facts=counted, quiet=True))

    def end_with(self, line: Mapping[str, Any], event: Event = Event.ERROR) -> Ending:
        """The end of a connection that was up is its loss, whatever else it is."""
        if self.connected and event == Event.ERROR:
            event = Event.DISCONNECTED
        return Ending("finding", self.diagnosis.finding(line, self.connected), event)

    def own_ending(self, cause: str, **values: Any) -> Ending:
        """An ending that we decide: a deadline passed."""
        event = Event.DISCONNECTED if self.connected else Event.ERROR
        found = self.diagnosis.ours(cause, self.connected, **values)
        return Ending("finding", found, event)

    def _exited(self, code: int | None) -> Ending:
        found = self.diagnosis.of_exit(code, self.connected)
        return Ending("finding", found, Event.CRASHED)
