"""What WhatsApp's answers to our sends and queries say of the session."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from metrics.models import Event
from sessions.host.ending import Ending
from sessions.host.journal import Entry, Happening
from sessions.policy.warnings import new_chats_refused, too_many_sent

if TYPE_CHECKING:
    from sessions.host.episode import Episode
    from sessions.policy.finding import Finding

TOO_MANY = 429  # rate-overlimit


class Answers:
    """Records each refusal; counts those that never came."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self._missing: deque[datetime] = deque(maxlen=episode.house.rules.slow_answers)

    async def judge(self, found: Finding, to: str = "") -> Ending | None:
        """An ending when too many answers are missing while it seems connected.

        to: the recipient of the text that was answered so.
        """
        rules, now = self.episode.house.rules, timezone.now()
        if found.cause == "i1" and self.episode.connected:
            self._missing.append(now)
            full = len(self._missing) == rules.slow_answers
            if full and now - self._missing[0] < rules.slow_answers_window:
                return Ending("finding", found, Event.DISCONNECTED)
        await self.episode.scribe.write(
            Entry(happenings=[Happening.of(found, Event.ERROR)])
        )
        # One chat of many is refused for its stale token (whatsmeow#1074); that limits
        # nothing else.
        if found.cause == "i2" and not await self.episode.keys.has_written(to):
            await self.episode.warn("i2", new_chats_refused(now=now, rules=rules))
        elif (found.cause, found.code) == ("i3", TOO_MANY):
            paused = too_many_sent(now=now, rules=rules)
            await self.episode.warn("sending_paused", paused)
        return None
