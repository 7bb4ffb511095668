"""Which device is connected where; a device that logs in twice is noticed here."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessions.sandbox.nodes import Node

if TYPE_CHECKING:
    from sessions.sandbox.companion import Companion
    from sessions.sandbox.server import Sandbox

MAX_RECORDS = 1000


@dataclass(slots=True)
class DoubleLogin:
    """Two live connections of one device, from the newer's <success> on."""

    older: Companion
    newer: Companion
    at: float
    frames_before: int
    overlap_ms: float | None = None

    def describe(self) -> dict[str, Any]:
        """`overlap_ms` is None while the older connection lives."""
        frames = self.older.connection.frames_received - self.frames_before
        number, device = self.newer.key
        return {
            "number": number,
            "device": device,
            "older": self.older.connection.id,
            "newer": self.newer.connection.id,
            "overlap_ms": self.overlap_ms,
            "older_frames_after": frames,
        }


class Online:
    """Logged-in devices by (number, device)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._companions: dict[tuple[str, int], Companion] = {}
        self._double_logins: deque[DoubleLogin] = deque(maxlen=MAX_RECORDS)

    def get(self, number: str, device: int) -> Companion | None:
        return self._companions.get((number, device))

    def all(self) -> list[Companion]:
        return list(self._companions.values())

    def enter(self, companion: Companion) -> None:
        """The device was let in; an older connection of it is thrown out."""
        older = self._companions.get(companion.key)
        self._companions[companion.key] = companion
        is_double = older is not None and older.connection.is_alive
        statistics = self._sandbox.events.statistics
        statistics.logins += 1
        statistics.double_logins += is_double
        self._sandbox.accounts.count_login(companion.device, double=is_double)
        if older is None:
            return
        if not is_double:  # its end is on the way, it was just not read yet
            older.connection.close()
            return
        frames = older.connection.frames_received
        self._double_logins.append(DoubleLogin(older, companion, time.time(), frames))
        companion.note("double_login", older=older.connection.id)
        self.replace(older)

    def leave(self, companion: Companion) -> None:
        """The companion's connection has ended."""
        if self._companions.get(companion.key) is companion:
            del self._companions[companion.key]
        for record in self._double_logins:
            if record.older is companion and record.overlap_ms is None:
                record.overlap_ms = round((time.time() - record.at) * 1000, 1)
                self._sandbox.events.add("double_login_ended", **record.describe())

    def replace(self, companion: Companion) -> None:
        """Tell a device that it is logged in elsewhere, and close it."""
        companion.note("replaced")
        conflict = Node("conflict", {"type": "replaced"})
        linger = self._sandbox.settings.replaced_linger_ms / 1000
        companion.throw_out(Node("stream:error", {}, [conflict]), linger)

    def double_logins(self) -> list[dict[str, Any]]:
        return [record.describe() for record in self._double_logins]

    def forget_double_logins(self) -> None:
        self._double_logins.clear()
