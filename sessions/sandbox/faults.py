"""The faults in force: who is refused, muted, slowed down, and for how long."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

PAUSE_STEPS = ("scanned", "pair_success", "before_515", "after_515")
# How a new connection fails before anybody knows whose it is.
BROKEN_CONNECTIONS = ("tls", "upgrade", "silence")
# How a scan goes wrong: the phone cannot link, or what it signed is not right.
SPOILED_SCANS = ("no_multidevice", "passkey", "bad_seal", "bad_signature")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a fault hits: everybody, a number, or one device of it."""

    number: str | None = None
    device: int | None = None

    def hits(self, number: str, device: int) -> bool:
        if self.number is None:
            return True
        return self.number == number and self.device in (None, device)


@dataclass(slots=True)
class Fault:
    """One standing fault; `until` is of the event loop's clock, None: for ever."""

    kind: str
    target: Target
    until: float | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def describe(self, now: float) -> dict[str, Any]:
        left = None if self.until is None else round(self.until - now, 3)
        return {"kind": self.kind, **asdict(self.target), "seconds_left": left} | (
            self.options
        )


class Faults:
    """Standing faults; times are of the event loop's clock."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force instead of earlier ones that it covers."""
        self.remove(fault.kind, fault.target)
        self._faults.append(fault)

    def remove(self, kind: str, target: Target) -> None:
        """End faults of this kind; a target without a number ends all of them."""
        self._faults = [
            fault
            for fault in self._faults
            if fault.kind != kind
            or not (target.number is None or fault.target == target)
        ]

    def find(
        self, kind: str, number: str, device: int, now: float
    ) -> dict[str, Any] | None:
        """The options of the newest fault of this kind that hits the device."""
        fault = self._find(kind, number, device, now)
        return None if fault is None else fault.options

    def seconds_left(self, kind: str, number: str, device: int, now: float) -> float:
        """How long the fault lasts; 0 if there is none."""
        fault = self._find(kind, number, device, now)
        return 0.0 if fault is None or fault.until is None else fault.until - now

    def take(
        self, kind: str, number: str, device: int, now: float
    ) -> dict[str, Any] | None:
        """As `find`, once more; a fault that is limited in times wears off."""
        fault = self._find(kind, number, device, now)
        if fault is None:
            return None
        times = fault.options.get("times")
        if times is not None:
            fault.options["times"] = times - 1
            if times <= 1:
                self._faults.remove(fault)
        return fault.options

    def clear(self, target: Target) -> None:
        """End every fault of the target; without a number all of them."""
        for kind in {fault.kind for fault in self._faults}:
            self.remove(kind, target)

    def refuses(self, number: str, code: int) -> bool:
        """True if a device of this number is refused with this code."""
        return any(
            fault.kind == "refuse_login"
            and fault.options["code"] == code
            and fault.target.number in (None, number)
            for fault in self._faults
        )

    def describe(self, now: float) -> list[dict[str, Any]]:
        self._expire(now)
        return [fault.describe(now) for fault in self._faults]

    def _find(self, kind: str, number: str, device: int, now: float) -> Fault | None:
        if not self._faults:
            return None
        self._expire(now)
        matching = (
            fault
            for fault in reversed(self._faults)
            if fault.kind == kind and fault.target.hits(number, device)
        )
        return next(matching, None)

    def _expire(self, now: float) -> None:
        self._faults = [
            fault for fault in self._faults if fault.until is None or fault.until > now
        ]
