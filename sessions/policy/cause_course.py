"""Which rules follow a cause, one after the other, while it does not get better."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from django.conf import settings

from sessions.policy.causes import CAUSES
from sessions.policy.incidents import kind_of, waits_for
from sessions.policy.reconnect import Counters, Decision, Rules, decide

# Somebody, or the server, ended it: no rule is asked.
WITHOUT_RULES = frozenset(
    {"started", "host_stopped", "moved", "host_lost", "number_elsewhere"}
    | {"restarted_by_person", "stopped_by_person", "held_by_person", "flapping"}
    | {"imported", "not_imported", "exported"}
)
# When a phone connects and is lost again and again; when many phones fail alike.
OUT_OF_ORDER = ("flapping", "incident")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def rules_in_force() -> Rules:
    """As the settings have them."""
    names = [field.name for field in fields(Rules)]
    return Rules(**{n: getattr(settings, f"WHATSAPP_{n.upper()}") for n in names})


def course(cause_id: str, rules: Rules) -> tuple[str, ...]:
    """Words of the rules in their order, as the policy itself decides them.

    Those of OUT_OF_ORDER come last, because no order fits them.
    """
    cause = CAUSES[cause_id]
    if cause_id == "u5":
        return ("link_shut", "relink")
    if cause_id == "n4":  # the n3 of an incident
        return ("incident",)
    if cause.credentials == "dead":
        return ("relink",)
    if cause_id in WITHOUT_RULES or cause.action == "none":
        return ()
    # The long ride of an overloaded WhatsApp has the name of what follows it.
    rides = cause.action == "ride" and cause_id != "f3"
    words = ["ride"] * rides + _repeated(cause_id, rules)
    if _decided(cause_id, _came_back(rules), BEGIN, rules).rule == "flapping":
        words.append("flapping")
    if waits_for(kind_of(cause_id) or "", cause_id):
        words.append("incident")
    return tuple(dict.fromkeys(words))


def _repeated(cause_id: str, rules: Rules) -> list[str]:
    """The rules while each start ends for the same cause at once."""
    words, now, counters = [], BEGIN, Counters()
    for _attempt in range(rules.max_attempts + len(rules.refused_retries) + 2):
        counters = counters.with_loss(cause_id, now=now, rules=rules)
        decision = _decided(cause_id, counters, now, rules)
        words.append(decision.rule)
        if decision.at is None:
            break
        counters = Counters(
            attempts=decision.attempts,
            dial_failures=decision.dial_failures,
            replaced_at=now if cause_id == "r1" else None,
            losses=() if decision.anew else counters.losses,
        )
        now = decision.at
    return words


def _came_back(rules: Rules) -> Counters:
    """As often as the flap guard allows."""
    second = timedelta(seconds=1)
    return Counters(reconnects=tuple(BEGIN - n * second for n in range(rules.flaps)))


def _decided(
    cause_id: str, counters: Counters, now: datetime, rules: Rules
) -> Decision:
    return decide(
        cause_id,
        CAUSES[cause_id].action,
        counters=counters,
        now=now,
        rng=random.Random(0),  # noqa: S311
        rules=rules,
    )
