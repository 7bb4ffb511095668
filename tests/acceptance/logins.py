"""Connections of devices as the sandbox saw them: who logged in when, and for how long
a phone was away."""

from __future__ import annotations

from dataclasses import dataclass

from sessions.sandbox.control import SandboxControl


@dataclass
class Login:
    """One connection of one device; times are of the sandbox's clock."""

    number: str
    opened_at: float
    success_at: float
    closed_at: float | None = None


def logins_of(sandbox: SandboxControl) -> dict[str, list[Login]]:
    """By number, in the order of their success; first logins of pairings included.

    Not those whose beginning the sandbox has forgotten: it keeps the last events only.
    """
    opened: dict[int, float] = {}
    logins: dict[int, Login] = {}
    for event in sandbox.events():
        connection, at = event.get("connection"), event["at"]
        match event["kind"]:
            case "connected_socket":
                opened[connection] = at
            case "success_sent" if connection in opened:
                logins[connection] = Login(event["number"], opened[connection], at)
            case "closed" if connection in logins:
                logins[connection].closed_at = at
    found: dict[str, list[Login]] = {}
    for login in logins.values():
        found.setdefault(login.number, []).append(login)
    return found


@dataclass(frozen=True)
class Gap:
    """Between two logins of a device. seconds: from the old one's end to the new one's
    success; overlapped: the new connection was opened before the old one was closed."""

    seconds: float
    overlapped: bool


def last_gap(logins: list[Login]) -> Gap:
    old, new = logins[-2:]
    assert old.closed_at is not None
    return Gap(new.success_at - old.closed_at, new.opened_at < old.closed_at)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]
