"""What a run leaves behind, for the judges: the sandbox's log, our rows, the faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.matching import Record
from tests.chaos.plan import LEASE_TTL, Fault
from tests.chaos.sandbox_log import Event

# Faults during which a host can write nothing about its phones.
BLINDING = {"kill_host", "stop_host", "freeze_host", "kill_postgres"}
# From the end of the fault until everything that waited is written.
CATCH_UP = 15.0


@dataclass(frozen=True)
class Applied:
    """A fault that was carried out; times are of the sandbox's clock.

    numbers: of the phones it could hit, None: any phone. skipped: why it was not.
    """

    fault: Fault
    began: float
    ended: float
    numbers: frozenset[str] | None = None
    skipped: str = ""

    def could_hit(self, number: str) -> bool:
        return not self.skipped and (self.numbers is None or number in self.numbers)

    @property
    def blinds(self) -> bool:
        return self.fault.kind in BLINDING and not self.skipped

    @property
    def seen_again(self) -> float:
        """When everything that waited for the end of a blinding fault is written."""
        return max(self.ended, self.began + LEASE_TTL) + CATCH_UP


@dataclass(frozen=True)
class PhoneAtEnd:
    """A phone's rows and its device in the sandbox, after the settling time."""

    number: str
    unlinked: bool  # by a fault: it may be logged out
    status: str
    linked: bool
    has_keys: bool  # in the central copy
    device: int | None  # the one it was paired with, None when the sandbox has it not
    connected: bool  # as the sandbox sees it
    qr_code: bool = False


@dataclass(frozen=True)
class Evidence:
    """began, ended: of the clock. events: all since the sandbox's start, in order."""

    began: float
    ended: float
    events: Sequence[Event]
    records: Sequence[Record]
    applied: Sequence[Applied]
    phones: Sequence[PhoneAtEnd]
    double_logins: int
    pairings: int = 0  # rows made after the clock's start
    settled: float | None = None  # seconds until all were connected, None: never
    web_answers: bool = True
    tracebacks: Sequence[str] = ()
    undetected: Sequence[str] = ()  # numbers whose session lived on a full disk
