"""When many phones fail alike it is one incident: pure functions, no rows, no clock.

A family of causes is what "alike" means. Phones of a waiting family stand still until
one of them, the canary, has shown that it is over; the other families are only told:
a timer of their own, or a person, decides about each phone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sessions.policy.causes import BAN_CAUSES

Scope = Literal["fleet", "host"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "unreachable": ("n1", "n2", "n3", "n4"),
    "overloaded": ("f3", "s2"),
    "outdated": ("o1",),
    "refused": ("f1", "f2"),
    "logged_out": ("u1", "u2"),
    "banned": BAN_CAUSES,
    "replaced": ("r1",),
    "crashed": ("l2",),
    "database": ("lease_lost",),
}
# Bans end at their date, and a session that was replaced tries once: a canary every
# few seconds would break both rules, so these are told and not waited for.
WAITING = frozenset({"unreachable", "overloaded", "outdated", "refused"})
_KINDS = {cause: kind for kind, causes in FAMILIES.items() for cause in causes}
# A refused version is refused to every start, whatever the phone failed of before;
# except to phones that have a course of their own.
_OWN_COURSE = frozenset({"logged_out", "banned", "replaced"})
# Answers that only WhatsApp itself can give: whoever hears one has reached it.
_ANSWERS = frozenset({"logged_out", "banned", "replaced", "outdated", "refused"})
# Losses after which the library dials by itself, at once and 2 s later (whatsmeow,
# client.go, autoReconnect); eleven phones had their answer after 0.5 to 1.5 s.
_REDIALLED = frozenset({"n1", "n2"})
_REDIAL_SECONDS = 3.0
_SETTLE_SECONDS = 1.0  # what other hosts saw at that moment is in their facts by then
# Rules of a phone that waits for its next start and may join an incident instead.
_COUNTED = frozenset({"backoff", "slow_lane", "refused"})  # raise the attempts
_JOINABLE = _COUNTED | {"unreachable", "outdated", "overloaded"}


@dataclass(frozen=True)
class IncidentRules:
    """The numbers of fleet sense (settings WHATSAPP_INCIDENT_…)."""

    phones: int = 3
    share: float = 0.2
    window: timedelta = timedelta(seconds=60)
    probe: timedelta = timedelta(seconds=15)
    outdated_probe: timedelta = timedelta(minutes=30)
    quiet: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Counted:
    """A phone's counters."""

    attempts: int
    dial_failures: int


def kind_of(cause: str) -> str | None:
    """The kind of incident that many failures of this cause make."""
    return _KINDS.get(cause)


def opens_alone(kind: str) -> bool:
    """One phone is enough: what it was told is true for all of them."""
    return kind == "outdated"


def settles(cause: str) -> float:
    """Seconds in which a failure may turn out to be none, before it is judged."""
    if (kind := kind_of(cause)) is not None and opens_alone(kind):
        return 0.0
    return _REDIAL_SECONDS if cause in _REDIALLED else _SETTLE_SECONDS


def enough(failed: int, running: int, rules: IncidentRules) -> bool:
    """So many of so many running phones failed alike."""
    return failed >= rules.phones and failed >= rules.share * running


def scope_of(
    kind: str,
    failed: Mapping[int, Hashable],
    running: Mapping[int, Hashable],
    *,
    here: Hashable,
    rules: IncidentRules,
) -> Scope | None:
    """Whose incident it is, as the host `here` sees it; None: no incident.

    failed, running: {phone id: its host}. The fleet's, when the failures are not all
    of one host out of several; a phone that failed counts as one that should run.
    """
    if failed and opens_alone(kind):
        return "fleet"
    everybody = {**running, **failed}
    if enough(len(failed), len(everybody), rules):
        several = len(set(everybody.values())) > 1
        if not several or len(set(failed.values())) > 1:
            return "fleet"
    failed_here = sum(host == here for host in failed.values())
    running_here = sum(host == here for host in everybody.values())
    return "host" if enough(failed_here, running_here, rules) else None


def recent(
    failures: Mapping[int, datetime], now: datetime, rules: IncidentRules
) -> set[int]:
    """Phones that failed within the window."""
    return {phone for phone, at in failures.items() if now - at <= rules.window}


def waits_for(kind: str, cause: str) -> bool:
    """A phone that ended for `cause` stands still during an incident of `kind`."""
    if kind not in WAITING:
        return False
    own = kind_of(cause)
    if own == kind:
        return True
    if kind == "unreachable" and cause == "hung":
        return True
    return kind == "outdated" and own not in _OWN_COURSE


def may_join(kind: str, cause: str, rule: str) -> bool:
    """A phone that failed before the incident was known joins it."""
    return rule in _JOINABLE and waits_for(kind, cause) and kind_of(cause) == kind


def proves_over(kind: str, cause: str) -> bool:
    """A phone of the incident failed again, of something that ends the incident.

    Whoever is told of a logout or a ban has reached WhatsApp.
    """
    own = kind_of(cause)
    return kind in {"unreachable", "overloaded"} and own != kind and own in _ANSWERS


def pause_of(kind: str, rules: IncidentRules) -> timedelta | None:
    """Between two canaries; None for what is only told."""
    if kind not in WAITING:
        return None
    return rules.outdated_probe if kind == "outdated" else rules.probe


def is_over(
    kind: str, *, members: int, last_at: datetime, now: datetime, rules: IncidentRules
) -> bool:
    """Without any success: nobody is in it any more, or nothing new has failed."""
    if kind in WAITING:
        return members == 0 and now - last_at > rules.window
    return now - last_at > rules.quiet


def given_back(rule: str, before: Counted) -> Counted:
    """The counters without the failure that turned out to be the incident's."""
    attempts, dials = before.attempts, before.dial_failures
    if rule == "unreachable":
        return Counted(attempts, max(0, dials - 1))
    if rule in _COUNTED:
        return Counted(max(0, attempts - 1), dials)
    return before


def commonest(words: Iterable[str]) -> str:
    """What most of them say; "" for none."""
    ranked = Counter(word for word in words if word).most_common(1)
    return ranked[0][0] if ranked else ""


def slower(usual: float, limit: float) -> float:
    """Starts per second while an incident is on; 0 means no limit."""
    return min((rate for rate in (usual, limit) if rate > 0), default=0.0)
