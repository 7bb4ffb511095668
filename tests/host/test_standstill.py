"""What one phone tells the sense of the fleet, and what it lets it decide."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from sessions.host.standstill import Standstill
from sessions.policy.finding import Finding

INCIDENT = 7


class Sense:
    """Everything is unreachable."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def noticed(self, phone_id: int, cause: str) -> None:
        self.heard.append(cause)

    def incident_for(self, phone_id: int, cause: str) -> int:
        return INCIDENT

    def kind_of(self, incident: int) -> str:
        return "unreachable"

    def next_probe(self, incident: int) -> None:
        return None


@pytest.fixture
def sense():
    return Sense()


@pytest.fixture
def standstill(sense):
    facts = SimpleNamespace(attempts=2, dial_failures=3)
    journal = SimpleNamespace(phone=SimpleNamespace(pk=1), facts=facts)
    return Standstill(SimpleNamespace(sense=sense), SimpleNamespace(journal=journal))


def lost(**values) -> Finding:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Finding("n3", 408, "refused", now, values)


def test_what_nobody_can_reach_waits_for_the_incident(standstill, sense):
    assert standstill.noticed(lost()).cause == "n4"
    decision = standstill.decision(lost())
    assert (decision.rule, decision.attempts, decision.dial_failures) == (
        "incident",
        2,
        3,
    )
    assert sense.heard == ["n3"]


def test_the_trouble_of_a_phones_own_proxy_is_nobody_elses(standstill, sense):
    found = lost(proxy="socks5://192.0.2.7:1080")
    assert standstill.noticed(found) is found
    assert standstill.decision(found) is None
    assert sense.heard == []
