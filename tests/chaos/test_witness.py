"""What is under way when the witness looks is no violation."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions.models import (
    BaileysAuth,
    Pairing,
    PairingState,
    PhoneRequest,
    SessionFacts,
)
from tests.chaos import witness as module
from tests.chaos.faults import _failed
from tests.chaos.invariants import check
from tests.chaos.witness import Witness

CONNECTION = 7


class Box:
    """A sandbox with one device; it `leaves` at the next look at its log."""

    def __init__(self, phone: OrganizationPhone) -> None:
        self.jid, self.number = str(phone.phone_jid), phone.phone_number
        self.log: list[dict[str, Any]] = []
        self.leaves = False
        self.note("success_sent", time.time() - 60)
        self.note("active", time.time() - 60)

    def note(self, kind: str, at: float, **fields: Any) -> None:
        where = {"number": self.number, "device": 1, "connection": CONNECTION}
        self.log.append(
            {"id": len(self.log) + 1, "kind": kind, "at": at} | where | fields
        )

    def events(self, after: int) -> list[dict[str, Any]]:
        if self.leaves:
            self.note("closed", time.time(), reason="end of stream")
        return self.log[after:]

    def state(self) -> dict[str, Any]:
        device = {"jid": self.jid, "device": 1, "connected": True}
        return {
            "accounts": [{"devices": [device]}],
            "statistics": {"double_logins": 0},
        }

    def reset_statistics(self) -> None:
        pass


@pytest.fixture
def linked(phone: OrganizationPhone) -> OrganizationPhone:
    phone.phone_jid, phone.status = (
        f"{phone.phone_number}:1@s.whatsapp.net",
        "connected",
    )
    phone.save()
    SessionFacts.objects.create(phone=phone, linked=True)
    Pairing.objects.create(
        phone=phone, state=PairingState.ONLINE, expires_at=timezone.now()
    )
    BaileysAuth.objects.create(
        organization_id=phone.organization_id,
        phone_jid=phone.phone_jid,
        key="creds",
        value="sealed",
    )
    return phone


@pytest.fixture
def witness(linked: OrganizationPhone, monkeypatch: pytest.MonkeyPatch) -> Witness:
    monkeypatch.setattr(module, "LAST_RECORDS", 0.0)
    stage: Any = SimpleNamespace(
        phones=[linked],
        jids=[linked.phone_jid],
        fleet=SimpleNamespace(sandbox=Box(linked), hosts=[]),
        ask=lambda question: question(),
        web_answers=lambda: True,
    )
    return Witness(stage)


def violated(witness: Witness, settled: float | None) -> set[str]:
    hand: Any = SimpleNamespace(applied=[], undetected=[])
    return {one.invariant for one in check(witness.evidence(hand, settled))}


def test_a_phone_that_leaves_its_host_at_the_last_look_has_no_record_yet(witness):
    witness.start()
    witness.stage.fleet.sandbox.leaves = True
    settled = witness.settle(lambda: None)
    assert settled is not None
    assert witness.events[-1]["kind"] == "closed"
    assert violated(witness, settled) == set()


def test_an_unlinked_phone_whose_host_has_not_seen_it_is_waited_for(witness, linked):
    witness.start()
    sandbox = witness.stage.fleet.sandbox
    sandbox.note("unlinked", time.time(), by_itself=False)
    turns = iter((False, False, True))

    def work() -> None:
        witness.look(now=True)
        if next(turns, False):
            SessionFacts.objects.update(linked=False)
            OrganizationPhone.objects.update(status=Status.LOGGED_OUT)
            BaileysAuth.objects.all().delete()

    settled = witness.settle(work)
    assert settled is not None
    assert violated(witness, settled) == set()


def test_a_text_that_no_session_tried_to_send_tells_nothing_of_the_disk(phone):
    request = PhoneRequest.objects.create(
        phone=phone,
        kind=PhoneRequest.Kind.SEND,
        expires_at=timezone.now(),
        result=PhoneRequest.Result.FAILED,
        answer={"error": "The phone is not connected."},
    )
    assert not _failed(request)
    request.answer = {"error": "database or disk is full"}
    request.save()
    assert _failed(request)
