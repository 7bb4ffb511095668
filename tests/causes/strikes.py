"""What is done to a phone: by WhatsApp, by its owner, by the machine."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from phones.models import Status
from sessions import verbs
from sessions.models import Pairing
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import restart, wait_given_back
from tests.causes.scene import Victim

STRANGER = "77019998877"
Strike = Callable[[Fleet, Victim], None]


def fault(kind: str, **arguments: Any) -> Strike:
    """A fault of the sandbox for this device."""

    def strike(fleet: Fleet, victim: Victim) -> None:
        fleet.sandbox.fault(kind, jid=victim.jid, **arguments)

    return strike


def refuse(code: int, **options: int) -> Strike:
    """The connection is cut, and the library's login is answered with the code."""

    def strike(fleet: Fleet, victim: Victim) -> None:
        fleet.sandbox.fault("refuse_login", jid=victim.jid, code=code, **options)
        fleet.sandbox.fault("drop", jid=victim.jid)

    return strike


def unlink(fleet: Fleet, victim: Victim) -> None:
    fleet.sandbox.unlink(victim.jid)


def linked_long_ago(fleet: Fleet, victim: Victim) -> None:
    """Not “rejected right after linking”; the session knows it from its start."""
    Pairing.objects.filter(phone=victim.phone).update(
        paired_at=timezone.now() - timedelta(minutes=10)
    )
    restart(fleet, victim.phone)


def unlinked_while_stopped(fleet: Fleet, victim: Victim) -> None:
    Pairing.objects.filter(phone=victim.phone).update(
        paired_at=timezone.now() - timedelta(minutes=10)
    )
    stopped(fleet, victim)
    fleet.sandbox.unlink(victim.jid)


def stopped(fleet: Fleet, victim: Victim) -> None:
    verbs.stop(victim.phone)
    fleet.wait_status(victim.phone, Status.STOPPED)
    wait_given_back(fleet, victim.phone)


def start(fleet: Fleet, victim: Victim) -> None:
    verbs.start(victim.phone)


def kill(name: str) -> Strike:
    """A signal to the session process."""

    def strike(fleet: Fleet, victim: Victim) -> None:
        pid = fleet.session_pid(victim.phone)
        assert pid is not None
        os.kill(pid, signal.Signals[name])

    return strike


def send(first: Strike) -> Strike:
    """A text to a stranger, once something was done to how it is answered."""

    def strike(fleet: Fleet, victim: Victim) -> None:
        fleet.sandbox.accounts(STRANGER)
        first(fleet, victim)
        verbs.send(victim.phone, to=STRANGER, text="hello")

    return strike


def start_with_locked_store(fleet: Fleet, victim: Victim) -> None:
    """Somebody else holds the store file's write lock until the first error."""
    name = f"phone-{victim.phone.pk}.sqlite3"
    path = fleet.hosts[0].directory / "stores" / name
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    victim.notes["release"] = connection.close
    verbs.start(victim.phone)
