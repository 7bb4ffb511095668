"""One episode on a stage: recorded lines in, rows and facts out, no process, no loop.

Nothing waits on a stage, so each coroutine runs to its end at once, in the test's own
thread and on its database connection.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import OrganizationPhone, Status
from sessions.host.aftermath import Aftermath
from sessions.host.ending import Ending
from sessions.host.episode import Episode
from sessions.host.inbox import Inbox, Rang
from sessions.host.journal import Journal
from sessions.host.live_session import Ended
from sessions.host.scribe import Scribe
from sessions.models import Fence, Host, PhoneLease, SessionFacts
from sessions.policy.rules import Rules
from tests.factories import make_phone


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("it waits for something that no stage has")


class Threads:
    async def patiently(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    facts = patiently


class CalmSense:
    """Fleet sense without an incident."""

    def incident_for(self, *_: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_kwargs: None


@dataclass
class Stage:
    """`line` and `rings` return the ending, if that was one; `settle` it then."""

    phone: OrganizationPhone
    fence: Fence
    directory: Path
    rules: Rules = field(default_factory=Rules)
    killed: int = 0
    acquaintances: tuple[str, ...] = ()

    @classmethod
    def open(cls, directory: Path, **rules: Any) -> Stage:
        phone = make_phone(status=Status.CONNECTING, phone_jid="77:1@s.whatsapp.net")
        SessionFacts.objects.create(phone=phone, linked=True)
        host = Host.objects.create(name=str(uuid.uuid4()), pk=uuid.uuid4())
        fence = PhoneLease.objects.acquire(phone=phone, host_id=host.pk)
        assert fence is not None
        return cls(phone, fence, directory, Rules(**rules)).begin()

    def begin(self) -> Stage:
        """A new process of the phone."""
        self.phone.refresh_from_db()
        threads: Any = Threads()
        self.house: Any = SimpleNamespace(
            rules=self.rules,
            rng=random.Random(1),
            threads=threads,
            sense=CalmSense(),
            host=SimpleNamespace(name="one"),
        )
        journal = Journal(self.fence, self.phone, self.facts, "one", "neonize test")
        self.scribe = Scribe(self.house, journal)
        self.inbox = Inbox()
        session: Any = SimpleNamespace(kill=self._kill)
        keys: Any = SimpleNamespace(
            check=self._nothing, has_written=self._is_acquaintance
        )
        errors = self.directory / "errors"
        self.episode = Episode(
            house=self.house,
            scribe=self.scribe,
            inbox=self.inbox,
            session=session,
            keys=keys,
            errors=errors,
        )
        return self

    def _kill(self) -> None:
        self.killed += 1

    async def _is_acquaintance(self, recipient: str) -> bool:
        return recipient in self.acquaintances

    async def _nothing(self, *_: Any) -> None:
        return

    @property
    def facts(self) -> SessionFacts:
        return SessionFacts.objects.get(phone=self.phone)

    @property
    def status(self) -> str:
        self.phone.refresh_from_db()
        return self.phone.status

    @property
    def rows(self) -> list[tuple[str, str, int | None]]:
        rows = ConnectionMetrics.objects.filter(phone=self.phone).order_by("id")
        return [*rows.values_list("event", "cause", "error_code")]

    def line(self, event: str, **fields: Any) -> Ending | None:
        told = {"event": event, "at": timezone.now().timestamp(), **fields}
        return at_once(self.episode.react(told))

    def log(self, words: str, level: str = "WARNING", logger: str = "Client") -> Any:
        return self.line("log", line=words, level=level, logger=logger)

    def lose(self) -> Ending | None:
        return self.line("disconnected")

    def connect(self) -> Ending | None:
        return self.line("connected")

    def rings(self, timer: str) -> Ending | None:
        assert self.inbox.has_timer(timer), f"no timer {timer}"
        self.inbox.drop_timer(timer)
        return at_once(self.episode.react(Rang(timer)))

    def dies(self, code: int = -9, said: str = "") -> Ending:
        (self.directory / "errors").write_text(said)
        return at_once(self.episode.react(Ended(code)))

    def settle(self, ending: Ending | None) -> Stage:
        """What follows from it; the next process begins."""
        assert ending is not None
        paths: Any = SimpleNamespace(remove_store=lambda: None)
        aftermath = Aftermath(self.house, self.scribe, paths, generation=1)
        at_once(aftermath.settle(ending, keys=True))
        return self.begin()

    def let_pass(self, span: timedelta) -> None:
        """As if what was counted had happened so much earlier."""
        counters = self.facts.counters
        losses = [
            [loss.cause, (loss.at - span).isoformat()] for loss in counters.losses
        ]
        back = [(at - span).isoformat() for at in counters.reconnects]
        SessionFacts.objects.filter(phone=self.phone).update(
            losses=losses, reconnects=back
        )
        self.begin()
