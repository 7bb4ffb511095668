"""When a session that ended is started again: pure functions, no clock, no database.

The action of a cause comes from the catalogue (sessions.policy.causes); this module
turns it, with the phone's counters, into one decision. One process start is one
attempt.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sessions.policy.counters import Counters
from sessions.policy.rules import Rules

__all__ = ["Counters", "Decision", "Rules", "backoff", "decide", "guard"]

Action = Literal["restart", "wait", "hold", "relink"]

JITTER = 0.25  # a delay is shortened by up to this share, never lengthened
REPLACED_JITTER = 1 / 3  # of the retry, to either side
BAN_MARGINS = 3  # the margin after a ban is up to so many times its least
STORE_ERRORS = 2  # the second within the window holds
# Our own database's fault, or a network that was never reached: nothing flaps.
NO_FLAPS = frozenset({"lease_lost", "host_lost", "host_stopped", "moved", "n3", "n4"})
# What a connection comes back from without having been lost: a person, or we, or our
# own pause ended it.
NO_LOSSES = frozenset(
    {"", "started", "flapping", "lease_lost", "host_lost", "host_stopped", "n4"}
    | {"moved"}
    | {"restarted_by_person", "stopped_by_person", "held_by_person"}
    | {"imported", "not_imported", "exported"}
)


@dataclass(frozen=True)
class Decision:
    """What happens next: `at` is None only for hold and relink.

    cause: what the phone says instead of the cause it ended for; "" keeps that one.
    anew: the guards forget the losses and reconnects, because this is their answer.
    """

    action: Action
    rule: str
    at: datetime | None = None
    attempts: int = 0
    dial_failures: int = 0
    cause: str = ""
    anew: bool = False


def backoff(n: int, *, rules: Rules, rng: random.Random) -> timedelta:
    """min(1000·2^n, 60000) ms, at least the first delay; jitter only shortens."""
    exponent = min(n, 16)
    plain = min(timedelta(seconds=2**exponent), rules.max_delay)
    delay = max(plain, min(rules.first_delay, rules.max_delay))
    return delay * (1 - JITTER * rng.random())


def decide(
    cause: str,
    action: str,
    *,
    counters: Counters,
    now: datetime,
    rng: random.Random,
    rules: Rules,
    ban_ends: datetime | None = None,
) -> Decision:
    """The next step after a session ended for `cause`.

    action: the catalogue's word; "relink" wherever the keys are dead.
    counters: with this loss among their losses.
    ban_ends: of a temporary ban; a margin is added.
    """
    n, dials = counters.attempts, counters.dial_failures
    if cause == "r1":
        return _replaced(counters, now=now, rng=rng, rules=rules)
    if cause == "lease_lost":
        # Our own fault, or the database's: nothing speaks against the phone.
        return Decision("restart", "lease", now, n, dials)
    if cause == "n3":
        return _not_reached(counters, now=now, rng=rng, rules=rules)
    if cause == "o1":
        return Decision("wait", "outdated", now + rules.outdated_retry, n)
    if cause == "f3":
        return Decision("wait", "overloaded", now + rules.overloaded_retry, n)
    if action == "relink":
        return Decision("relink", "relink")
    if action == "hold":
        return Decision("hold", "hold", attempts=n)
    if action == "wait":
        ends = ban_ends or now + rules.ban_without_date
        return _ban(counters, rng=rng, rules=rules, ends=ends)
    if cause in {"f1", "f2"}:
        return _refused(counters, now=now, rules=rules)
    match guard(cause, counters=counters, now=now, rules=rules):
        case "":
            return _restart(counters, now=now, rng=rng, rules=rules)
        case "flapping":
            at = now + rules.flap_pause
            return Decision("wait", "flapping", at, n, cause="flapping", anew=True)
        case "stream_errors" if cause == "s4":
            at = now + backoff(n, rules=rules, rng=rng)
            return Decision("restart", "stream_errors", at, n + 1, anew=True)
        case rule:
            return Decision("hold", rule, attempts=n, anew=True)


def guard(cause: str, *, counters: Counters, now: datetime, rules: Rules) -> str:
    """The rule that answers what happened too often; "": nothing did.

    While there is none, the library may go on reconnecting by itself.
    counters: with this loss among their losses.
    """
    times = counters.lost(cause, now=now, rules=rules)
    if cause in {"s3", "s4"} and times >= rules.stream_error_limit:
        return "stream_errors"
    if cause == "l2" and times >= rules.crash_limit:
        return "crashing"
    if cause == "l3" and times >= STORE_ERRORS:
        return "store"
    came_back = counters.reconnected(now=now, rules=rules)
    if came_back >= rules.flaps and cause not in NO_FLAPS:
        return "flapping"  # the next reconnect would be one too many
    return ""


def _restart(
    counters: Counters, *, now: datetime, rng: random.Random, rules: Rules
) -> Decision:
    n = counters.attempts
    if n < rules.max_attempts:
        return Decision(
            "restart", "backoff", now + backoff(n, rules=rules, rng=rng), n + 1
        )
    if rules.slow_lane_holds:
        return Decision("hold", "attempts_spent", attempts=n)
    return Decision("wait", "slow_lane", now + rules.slow_lane, n + 1)


def _not_reached(
    counters: Counters, *, now: datetime, rng: random.Random, rules: Rules
) -> Decision:
    n = counters.dial_failures
    at = now + backoff(n, rules=rules, rng=rng)
    return Decision("restart", "unreachable", at, counters.attempts, n + 1)


def _replaced(
    counters: Counters, *, now: datetime, rng: random.Random, rules: Rules
) -> Decision:
    last = counters.replaced_at
    if last is not None and now - last < rules.replaced_window:
        return Decision("hold", "replaced_twice", attempts=counters.attempts)
    delay = rules.replaced_retry * (1 + REPLACED_JITTER * (2 * rng.random() - 1))
    return Decision("wait", "replaced_once", now + delay, counters.attempts)


def _ban(
    counters: Counters, *, rng: random.Random, rules: Rules, ends: datetime
) -> Decision:
    margin = rules.ban_margin * (1 + (BAN_MARGINS - 1) * rng.random())
    return Decision("wait", "ban", ends + margin, counters.attempts)


def _refused(counters: Counters, *, now: datetime, rules: Rules) -> Decision:
    n = counters.attempts
    if n >= len(rules.refused_retries):
        return Decision("hold", "refused", attempts=n)
    return Decision("wait", "refused", now + rules.refused_retries[n], n + 1)
