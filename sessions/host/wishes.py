"""How a wish shows in the facts when no session process runs."""

from __future__ import annotations

from phones.models import Status
from sessions.host.journal import Entry
from sessions.host.scribe import Scribe
from sessions.host.verdict import NO_PROCESS
from sessions.models import SessionFacts, Wish
from sessions.policy.causes import EXPORTED

AT_REST = (Status.HELD, Status.STOPPED, Status.WAITING)


def want_it_to_run(wish: Wish, facts: SessionFacts) -> bool:
    """Wanted, and not held since that wish."""
    held = facts.held_generation is not None and (
        facts.held_generation >= wish.generation
    )
    return wish.desired == Wish.Desired.RUN and not held


async def rest(scribe: Scribe, wish: Wish) -> None:
    """Nothing is to run: say why, once. A hold of the program keeps its own rule."""
    facts, status = scribe.journal.facts, scribe.journal.phone.status
    cause = facts.cause
    # A hold that was given before the keys were cleared holds nothing any more.
    given_now = wish.generation != facts.seen_generation
    entry = Entry(facts={"seen_generation": wish.generation}, lease=dict(NO_PROCESS))
    if facts.linked and cause == EXPORTED:
        # Until they are imported again: that the keys were given away is not forgotten.
        entry.status = Status.HELD
    elif wish.held and (facts.linked or status == Status.HELD or given_now):
        entry.status, cause = Status.HELD, "held_by_person"
    elif wish.desired == Wish.Desired.STOP and facts.linked:
        entry.status, cause = Status.STOPPED, "stopped_by_person"
    elif status == Status.HELD and not facts.linked:
        # There is nothing to run, so nothing to hold any more.
        entry.status, cause = _unlinked(scribe), ""
    if cause != facts.cause:
        entry.facts |= {"cause": cause, "cause_values": {}}
    keeps_rule = facts.held_generation is not None or facts.rule == "link_shut"
    if entry.status is not None or not keeps_rule:
        entry.facts["rule"] = ""
    entry.facts["next_at"] = None
    entry.quiet = entry.status in (None, status) and cause == facts.cause
    await scribe.write(entry)


def _unlinked(scribe: Scribe) -> Status:
    return Status.LOGGED_OUT if scribe.journal.phone.phone_jid else Status.NEW


async def note(scribe: Scribe, wish: Wish) -> None:
    """A person's verb ends a hold and starts counting anew."""
    if wish.generation == scribe.journal.facts.seen_generation:
        return
    begun: dict[str, object] = {}
    if scribe.journal.phone.status in AT_REST:
        # What it was stopped or held for is no loss that it comes back from.
        begun = {"cause": "started", "cause_values": {}, "rule": ""}
    await scribe.write(
        Entry(
            facts={
                "seen_generation": wish.generation,
                "held_generation": None,
                "attempts": 0,
                "dial_failures": 0,
                "replaced_at": None,
                "losses": [],
                "reconnects": [],
                **begun,
            },
            quiet=True,
        )
    )
