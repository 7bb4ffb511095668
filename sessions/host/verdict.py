"""What a decision, and the loss of the keys, put into a phone's facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils import timezone

from sessions.policy.counters import Counters
from sessions.policy.finding import Finding
from sessions.policy.reconnect import Decision

NO_PROCESS: dict[str, Any] = {"session_pid": None, "session_start_time": None}
TOLD_WHY = ("crashing", "store")  # rules that say what the process said


def decided(
    found: Finding, decision: Decision, counters: Counters, *, generation: int
) -> dict[str, Any]:
    """Facts of a linked phone whose session ended.

    generation: of the wish it ran under; a later one ends a hold.
    """
    at = decision.at
    values: dict[str, Any] = {"time": at.isoformat()} if at is not None else {}
    if decision.rule in TOLD_WHY:
        values["reason"] = found.message  # of a crash: the first line of its stack
    if decision.anew:
        counters = replace(counters, losses=(), reconnects=())
    facts: dict[str, Any] = {
        **counters.lists,
        "cause": decision.cause or found.cause,
        "cause_values": values if decision.cause else {**values, **found.values},
        "rule": decision.rule,
        "next_at": at,
        "attempts": decision.attempts,
        "dial_failures": decision.dial_failures,
        "connected_at": None,
    }
    if decision.action == "hold":
        facts["held_generation"] = generation
    if found.cause == "r1":
        facts["replaced_at"] = timezone.now()
    return facts


def unlinked(cause: str, values: dict[str, Any]) -> dict[str, Any]:
    """Facts of a phone that has no keys (any more)."""
    return {
        "linked": False,
        "cause": cause,
        "cause_values": values,
        "rule": "",
        "next_at": None,
        "attempts": 0,
        "dial_failures": 0,
        "held_generation": None,
        "connected_at": None,
        "losses": [],
        "reconnects": [],
        "warnings": {},
    }
