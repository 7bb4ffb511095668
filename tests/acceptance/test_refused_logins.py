"""WhatsApp refuses a login: the code is recorded, the keys stay, the rule decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import BaileysAuth, Quarantine
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import (
    assert_quiet,
    facts_of,
    last_record_id,
    record,
)
from tests.factories import make_phone
from tests.sandbox.clients import Watch

# WhatsApp's answers are the same whatever the database.
pytestmark = pytest.mark.sqlite

CONNECTED = ("connected", "", None)
MARGIN = timedelta(seconds=20)  # between the decision and its entry
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Refusal:
    """What WhatsApp says, and what the portal makes of it.

    next_attempt: the least and the most time until then; None: a person decides, or
    the phone waits for an incident.
    """

    code: int
    cause: str
    status: Status
    rule: str
    next_attempt: tuple[timedelta, timedelta] | None
    options: dict[str, int] = field(default_factory=dict)


BAN = (5 * MINUTE, 15 * MINUTE)


def after(ban: timedelta) -> tuple[timedelta, timedelta]:
    return ban + BAN[0], ban + BAN[1]


ONE_MINUTE = (MINUTE, MINUTE)
REFUSALS = (
    Refusal(402, "b1", Status.WAITING, "ban", after(HOUR), {"ban_code": 101}),
    Refusal(402, "b4", Status.WAITING, "ban", after(HOUR), {"ban_code": 104}),
    # neonize cannot say this one; its date is known from the log alone.
    Refusal(402, "b6", Status.WAITING, "ban", after(HOUR)),
    Refusal(400, "f1", Status.WAITING, "refused", ONE_MINUTE),
    Refusal(409, "f1", Status.HELD, "hold", None),
    # Not in neonize's enum: the code is known from the log alone.
    Refusal(415, "f2", Status.WAITING, "refused", ONE_MINUTE),
)
# Said of the program, so it is everybody's: an incident, even for one phone. Who is
# refused while it is on waits for its end, whatever was said.
OUTDATED = Refusal(405, "o1", Status.WAITING, "incident", None)


def refuse(fleet: Fleet, jid: str, refusal: Refusal) -> None:
    options = dict(refusal.options)
    if refusal.code == 402:
        options["expire"] = int(HOUR.total_seconds())
    fleet.sandbox.fault("refuse_login", jid=jid, code=refusal.code, **options)
    fleet.sandbox.fault("drop", jid=jid)


def wait_ruled(fleet: Fleet, phone: OrganizationPhone, refusal: Refusal) -> None:
    fleet.wait_status(phone, refusal.status)
    fleet.wait(lambda: facts_of(phone).rule == refusal.rule, f"the rule {refusal.rule}")


def assert_as_ruled(phone: OrganizationPhone, refusal: Refusal) -> None:
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.linked) == (
        refusal.cause,
        refusal.rule,
        True,
    )
    assert record(phone)[-1] == ("error", refusal.cause, refusal.code)
    if refusal.next_attempt is None:
        assert facts.next_at is None
        return
    least, most = refusal.next_attempt
    assert least - MARGIN < facts.next_at - facts.since < most + MARGIN


def test_each_refusal_has_its_cause_and_rule_and_costs_no_keys(
    fleet: Fleet, organization
):
    # Phones that fail alike are no incident here, however many.
    fleet.settings["WHATSAPP_INCIDENT_PHONES"] = "100"
    fleet.start_host()
    refusals = (*REFUSALS, OUTDATED)
    phones = [make_phone(organization) for _ in refusals]
    refused = [*zip(phones, fleet.link_all(phones), refusals, strict=True)]
    for some in (refused[:-1], refused[-1:]):
        for _, jid, refusal in some:
            refuse(fleet, jid, refusal)
        for phone, _, refusal in some:
            wait_ruled(fleet, phone, refusal)
    assert_quiet(fleet, Watch(fleet.sandbox), phones[0])
    for phone, _, refusal in refused:
        assert_as_ruled(phone, refusal)
        assert BaileysAuth.objects.of(phone).filter(key="creds").exists()
    assert not Quarantine.objects.exists()


def test_a_ban_that_is_over_is_ended_by_start_without_a_scan(fleet: Fleet, phone):
    fleet.start_host()
    jid = fleet.link(phone)
    refuse(fleet, jid, REFUSALS[0])
    fleet.wait_status(phone, Status.WAITING)
    fleet.sandbox.fault("allow_login", jid=jid)
    verbs.start(phone)
    fleet.wait_status(phone, Status.CONNECTED)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.next_at) == ("", "", None)


def test_an_overloaded_server_is_tried_until_it_lets_the_phone_in(
    fleet: Fleet, organization
):
    fleet.start_host()
    codes = (500, 503)
    phones = [make_phone(organization) for _ in codes]
    jids = fleet.link_all(phones)
    before = last_record_id()
    for jid, code in zip(jids, codes, strict=True):
        fleet.sandbox.fault("refuse_login", jid=jid, code=code, times=2)
        fleet.sandbox.fault("drop", jid=jid)
    for phone, code in zip(phones, codes, strict=True):
        fleet.wait(
            lambda phone=phone: CONNECTED in record(phone, before),
            f"a return from {code}",
        )
        assert record(phone, before) == [
            ("disconnected", "n1", 428),
            ("error", "f3", code),
            CONNECTED,
        ]
        assert facts_of(phone).attempts == 0
