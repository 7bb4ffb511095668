"""The sandbox's event log, read as the lives of connections; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]


@dataclass
class Life:
    """One login of one device; times are of the sandbox's clock.

    active_at: the device asked for its traffic, which the client's Connected follows;
    None when it ended before. reason: the sandbox's word for the end.
    """

    number: str
    device: int
    success_at: float
    active_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    said: tuple[str, ...] = ()  # what the sandbox told it before the end


SAID = {"unlinked", "replaced"}


def lives_of(events: Iterable[Event]) -> dict[str, list[Life]]:
    """By number, in the order of their logins."""
    lives: dict[int, Life] = {}
    for event in events:
        connection, at = event.get("connection"), event["at"]
        kind = event["kind"]
        if kind == "success_sent":
            number, device = event["number"], event["device"]
            lives[event["connection"]] = Life(number, device, at)
        elif connection not in lives:
            continue
        elif kind == "active":
            lives[event["connection"]].active_at = at
        elif kind in SAID:
            lives[event["connection"]].said += (kind,)
        elif kind == "closed":
            life = lives[event["connection"]]
            life.ended_at, life.reason = at, event["reason"]
    found: dict[str, list[Life]] = defaultdict(list)
    for life in lives.values():
        found[life.number].append(life)
    return dict(found)


def logins_refused(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event["kind"] == "login_refused"]


def pairings_started(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event["kind"] == "pairing_started"]


def unlinked_by_themselves(events: Iterable[Event]) -> list[Event]:
    """A logout that a client asked for: nobody told it to."""
    return [e for e in events if e["kind"] == "unlinked" and e["by_itself"]]
