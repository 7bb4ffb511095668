"""Each way a pairing fails, on the real client: it ends, says why, leaves nothing, and
never starts again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import BaileysAuth, Pairing, PairingState, Quarantine
from sessions.sandbox.control import ControlError
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import (
    assert_quiet,
    facts_of,
    record,
    wait_given_back,
)
from tests.factories import make_organization, make_phone
from tests.sandbox.clients import Watch

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(300)]

QR = ("qr_generated", "", None)
STRANGER = "77011112233"


@dataclass(frozen=True)
class Failure:
    """What is done to a pairing, and what becomes of it."""

    cause: str
    act: Callable[[Fleet, OrganizationPhone], None]
    code: int | None = None
    state: PairingState = PairingState.FAILED
    record: tuple[tuple[Any, ...], ...] = ()
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)


def scan(fleet: Fleet, phone: OrganizationPhone) -> None:
    fleet.sandbox.scan(fleet.wait_code(phone), phone.phone_number)


def spoiled(how: str) -> Callable[[Fleet, OrganizationPhone], None]:
    def act(fleet: Fleet, phone: OrganizationPhone) -> None:
        fleet.sandbox.accounts(phone.phone_number)
        fleet.sandbox.fault("spoil_scan", number=phone.phone_number, how=how)
        verbs.link(phone)
        if how in ("bad_seal", "bad_signature"):
            scan(fleet, phone)
        else:
            with pytest.raises(ControlError):
                scan(fleet, phone)

    return act


def refused(code: int) -> Callable[[Fleet, OrganizationPhone], None]:
    def act(fleet: Fleet, phone: OrganizationPhone) -> None:
        fleet.sandbox.fault("refuse_pairing", code=code, times=1)
        verbs.link(phone)
        # The fault is everybody's: the next pairing must not begin before it is spent.
        fleet.wait_pairing(phone, PairingState.FAILED)

    return act


def unscanned(fleet: Fleet, phone: OrganizationPhone) -> None:
    watch = Watch(fleet.sandbox)
    fleet.sandbox.settings(qr_window_seconds=1.0)
    verbs.link(phone)
    watch.wait("qr_refs_sent")  # the window of this pairing is set
    fleet.sandbox.settings(qr_window_seconds=180)


def cut_off(fleet: Fleet, phone: OrganizationPhone) -> None:
    """The socket is reset while the code is shown; nobody else is connected."""
    verbs.link(phone)
    fleet.wait_code(phone)
    fleet.sandbox.fault("drop")
    fleet.wait_pairing(phone, PairingState.EXPIRED)


def scanned_by_a_stranger(fleet: Fleet, phone: OrganizationPhone) -> None:
    verbs.link(phone)
    fleet.sandbox.scan(fleet.wait_code(phone), STRANGER)


def error(cause: str, code: int | None) -> tuple[Any, ...]:
    return ("error", cause, code)


# Those that touch everybody's connections come first.
FAILURES = {
    "o1": Failure("o1", refused(405), 405, record=(error("o1", 405),)),
    "q2 refused": Failure("q2", refused(400), None, record=(error("q2", None),)),
    "q1 cut off": Failure(
        "q1",
        cut_off,
        408,
        PairingState.EXPIRED,
        (QR, ("qr_expired", "q1", 408)),
        "QR refs attempts ended",
    ),
    "q1 unscanned": Failure(
        "q1",
        unscanned,
        408,
        PairingState.EXPIRED,
        (QR, ("qr_expired", "q1", 408)),
        "QR refs attempts ended",
    ),
    **{
        f"q2 {how}": Failure(
            "q2", spoiled(how), None, record=(QR, error("q2", None)), message=words
        )
        for how, words in (
            ("bad_seal", "invalid device identity HMAC"),
            ("bad_signature", "invalid device signature"),
        )
    },
    "q4": Failure(
        "q4",
        spoiled("passkey"),
        None,
        record=(QR, error("q4", None)),
        message="passkey-request",
    ),
    "q5": Failure(
        "q5",
        scanned_by_a_stranger,
        None,
        record=(QR, error("q5", None)),
        values={"actual": STRANGER},
    ),
}


@dataclass
class Stage:
    fleet: Fleet
    watch: Watch
    phones: dict[str, OrganizationPhone]


@pytest.fixture(scope="module")
def stage(open_fleet: Callable[..., Fleet]) -> Iterator[Stage]:
    fleet = open_fleet()
    fleet.start_host()
    organization = make_organization(name="Acme")
    stage = Stage(fleet, Watch(fleet.sandbox), {})
    for name, failure in FAILURES.items():
        phone = stage.phones[name] = make_phone(organization)
        failure.act(fleet, phone)
    return stage


@pytest.mark.parametrize("name", FAILURES)
def test_it_ends_says_why_and_leaves_nothing(stage: Stage, name: str):
    fleet, phone, failure = stage.fleet, stage.phones[name], FAILURES[name]
    pairing = fleet.wait_pairing(phone, failure.state)
    assert (pairing.cause, pairing.error_code) == (failure.cause, failure.code)
    assert pairing.ended_at is not None
    wait_given_back(fleet, phone)
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code, phone.phone_jid) == (Status.NEW, None, None)
    facts = facts_of(phone)
    assert (facts.linked, facts.cause, facts.rule) == (False, failure.cause, "")
    assert facts.next_at is None
    assert facts.cause_values == {**facts.cause_values, **failure.values}
    assert record(phone) == [*failure.record]
    (row,) = phone.metrics.filter(cause=failure.cause)
    assert failure.message in (row.error_message or "")
    assert row.pairing == pairing.pk
    assert not BaileysAuth.objects.of(phone).exists()
    assert not Quarantine.objects.filter(phone=phone).exists()
    stores = Path(fleet.hosts[0].directory, "stores")
    assert not [*stores.glob(f"phone-{phone.pk}.sqlite3*")]


def test_nobody_began_a_second_pairing_and_no_device_is_left(stage: Stage):
    for name, phone in stage.phones.items():
        stage.fleet.wait_pairing(phone, FAILURES[name].state)
        wait_given_back(stage.fleet, phone)
    assert_quiet(stage.fleet, Watch(stage.fleet.sandbox), stage.phones["q4"])
    for phone in stage.phones.values():
        assert Pairing.objects.filter(phone=phone).count() == 1
    assert len(stage.watch.events("pairing_started")) == Pairing.objects.count()
    numbers = {STRANGER, *(phone.phone_number for phone in stage.phones.values())}
    devices = [
        device
        for account in stage.fleet.sandbox.state()["accounts"]
        for device in account["devices"]
        if account["number"] in numbers
    ]
    assert devices == []


def test_a_phone_that_is_too_old_is_told_to_update_and_scans_the_same_code(
    stage: Stage,
):
    """q3: the code stays, and the pairing with it."""
    fleet, phone = stage.fleet, make_phone()
    fleet.sandbox.accounts(phone.phone_number)
    number = phone.phone_number
    fleet.sandbox.fault("spoil_scan", number=number, how="no_multidevice")
    pairing = verbs.link(phone)
    code = fleet.wait_code(phone)
    with pytest.raises(ControlError, match="too old"):
        fleet.sandbox.scan(code, number)
    fleet.wait(lambda: facts_of(phone).cause == "q3", "the advice")
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code) == (Status.PAIRING, code)
    assert fleet.pairing(phone).state == PairingState.QR
    fleet.sandbox.scan(code, number)
    fleet.wait_status(phone, Status.CONNECTED)
    assert fleet.pairing(phone).pk == pairing.pk
    assert facts_of(phone).cause == ""


def test_after_a_failure_the_same_phone_is_linked_by_the_next_scan(stage: Stage):
    fleet, phone = stage.fleet, make_phone()
    spoiled("bad_seal")(fleet, phone)
    fleet.wait_pairing(phone, PairingState.FAILED)
    wait_given_back(fleet, phone)
    fleet.link(phone)
