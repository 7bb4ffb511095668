"""The text of `/metrics`, kept for some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from metrics.web.event_counts import EventCounts
from metrics.web.fleet_figures import families

KEPT_SECONDS = 5.0


class FleetCollector(Collector):
    """Everything comes from the database, so each web process tells the same."""

    def __init__(self) -> None:
        self.events = EventCounts()

    def describe(self) -> Iterable[Metric]:
        return []  # registering it asks the database nothing

    def collect(self) -> Iterable[Metric]:
        return families(timezone.now(), self.events)


@dataclass
class Exposition:
    """Asks the database at most once in KEPT_SECONDS; django.db.Error passes."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: bytes = b""
    _until: float = 0.0

    def __post_init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(FleetCollector())

    def text(self) -> bytes:
        with self._lock:
            if not self._kept or self.clock() >= self._until:
                self._kept = generate_latest(self._registry)
                self._until = self.clock() + KEPT_SECONDS
            return self._kept
