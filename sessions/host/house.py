"""What all keepers of one host share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from django.conf import settings

from sessions.client import forkserver
from sessions.client.forkserver import SessionHandle
from sessions.client.wire import SessionSettings
from sessions.host.database_locks import DatabaseLocks
from sessions.host.fleet_sense import FleetSense
from sessions.host.start_budget import StartBudget
from sessions.host.threads import DatabaseThreads
from sessions.models import Host
from sessions.policy.rules import Rules


def rules_from_settings() -> Rules:
    """Every field of Rules from the setting of its name."""
    names = [field.name for field in fields(Rules)]
    return Rules(**{n: getattr(settings, f"WHATSAPP_{n.upper()}") for n in names})


@dataclass
class House:
    """The host's row, its threads, its rules and its budget of starts."""

    host: Host
    threads: DatabaseThreads
    locks: DatabaseLocks
    directory: Path
    realm: Literal["whatsapp", "sandbox"]
    root_key: str | None = None
    rules: Rules = field(default_factory=rules_from_settings)
    rng: random.Random = field(default_factory=random.Random)
    budget: StartBudget = field(
        default_factory=lambda: StartBudget(settings.WHATSAPP_STARTS_PER_SECOND)
    )
    sense: FleetSense = field(init=False)
    # Opening a store file is arithmetic in Python: more at once are no faster, and what
    # connected sessions have to say would wait behind them.
    openings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    stopping: bool = False
    # Phones whose lease this very process lost: their end is no mystery.
    lost: set[int] = field(default_factory=set)
    # Forking talks to the forkserver and waits for it, so it is done beside the loop.
    _spawner: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="spawn")
    )

    def __post_init__(self) -> None:
        self.sense = FleetSense(self)

    @property
    def lease_span(self) -> float:
        """Seconds from the moment a renewal is sent to the deadline that it earns."""
        span = settings.WHATSAPP_LEASE_TTL - settings.WHATSAPP_LEASE_MARGIN
        return float(span.total_seconds())

    def new_deadline(self, sent_at: float) -> float:
        """The deadline that a renewal sent at `sent_at` (monotonic) earns."""
        return sent_at + self.lease_span

    async def spawn(self, settings_now: Callable[[], SessionSettings]) -> SessionHandle:
        """Fork a session; its settings are asked for when it is its turn."""
        await self.budget.start()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._spawner, lambda: forkserver.spawn(settings_now())
        )

    def close(self) -> None:
        self._spawner.shutdown(wait=False, cancel_futures=True)
