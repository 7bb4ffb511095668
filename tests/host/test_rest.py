"""How a phone that does not run shows what a person wants of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from phones.models import OrganizationPhone, Status
from sessions.host.wishes import rest
from sessions.models import SessionFacts, Wish


class Written(SimpleNamespace):
    """A scribe that keeps the last entry."""

    async def write(self, entry):
        self.entry = entry


async def at_rest(cause, *, held):
    """(status, cause) written for a linked phone that is not to run."""
    facts = SessionFacts(linked=True, cause=cause)
    phone = OrganizationPhone(status=Status.HELD)
    scribe = Written(journal=SimpleNamespace(facts=facts, phone=phone))
    await rest(scribe, Wish(desired=Wish.Desired.STOP, held=held, generation=3))
    assert scribe.entry.facts["seen_generation"] == 3
    return scribe.entry.status, scribe.entry.facts.get("cause")


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (True, (Status.HELD, "held_by_person")),
        (False, (Status.STOPPED, "stopped_by_person")),
    ],
)
async def test_a_stop_and_a_hold_show_the_person(held, expected):
    assert await at_rest("n1", held=held) == expected


@pytest.mark.parametrize("held", [False, True])
async def test_that_keys_were_given_away_is_not_forgotten(held):
    assert await at_rest("exported", held=held) == (Status.HELD, None)
