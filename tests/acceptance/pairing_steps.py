"""Bringing a pairing to one of its steps, and keeping it there."""

from __future__ import annotations

from typing import Any

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.models import PairingState
from tests.acceptance.fleet import Fleet

PAUSE = 60.0
# The last one is the first login after the 515, which the sandbox does not answer.
STEPS = ("qr", "scanned", "pair_success", "before_515", "after_515", "login")


def bring_to(fleet: Fleet, phone: OrganizationPhone, step: str) -> None:
    """Let its pairing go on as far as `step` and stay there."""
    number = phone.phone_number
    fleet.sandbox.accounts(number)
    if step == "login":
        fleet.sandbox.fault("no_success", number=number, seconds=PAUSE)
    elif step != "qr":
        fleet.sandbox.fault("pause_after", number=number, step=step, seconds=PAUSE)
    verbs.link(phone)
    code = fleet.wait_code(phone)
    if step == "qr":
        return
    fleet.sandbox.scan(code, number)
    if step == "scanned":
        fleet.wait(lambda: "scanned" in events(fleet, phone), "the scan")
        return
    # From here on the keys are in the copy.
    fleet.wait_pairing(
        phone, PairingState.PAIRED, PairingState.RESTARTING, PairingState.ONLINE
    )
    if step == "login":
        fleet.wait(lambda: "login" in events(fleet, phone), "the first login")


def events(fleet: Fleet, phone: OrganizationPhone) -> list[str]:
    number = phone.phone_number
    return [e["kind"] for e in fleet.sandbox.events() if e.get("number") == number]


def lift_faults(fleet: Fleet, phone: OrganizationPhone, step: str) -> None:
    number = phone.phone_number
    if step == "login":
        fleet.sandbox.fault("no_success", number=number, seconds=0)
    elif step != "qr":
        fleet.sandbox.fault("pause_after", number=number, step=step, seconds=0)


def devices(fleet: Fleet, phone: OrganizationPhone) -> list[dict[str, Any]]:
    (account,) = [
        account
        for account in fleet.sandbox.state()["accounts"]
        if account["number"] == phone.phone_number
    ]
    return account["devices"]
