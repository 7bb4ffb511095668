"""The central copy of the keys, emptied by hand beside a running session or not."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import pytest
from django.db import connection

from phones.admin.story import Story
from phones.models import Status
from sessions import verbs
from sessions.auth.store_file import StoreFile
from sessions.models import BaileysAuth, PairingState, PhoneLease, Quarantine
from tests.acceptance.fleet import Fleet, HostProcess
from tests.acceptance.lives import facts_of, record, wait_given_back

HEALTH = {"WHATSAPP_HEALTH_CHECK": "1"}


def delete_rows() -> None:
    BaileysAuth.objects.all().delete()


def truncate() -> None:
    with connection.cursor() as cursor:
        cursor.execute('TRUNCATE "BaileysAuth"')


def delete_some_rows() -> None:
    BaileysAuth.objects.filter(key="creds").delete()
    ids = BaileysAuth.objects.filter(key__startswith="pre-key").values_list("id")[:100]
    BaileysAuth.objects.filter(pk__in=[*ids.values_list("id", flat=True)]).delete()


WAYS = [
    delete_rows,
    delete_some_rows,
    pytest.param(truncate, marks=pytest.mark.postgresql),
]


def complete() -> bool:
    """The first login made 812 prekeys; with the rest there are more rows than that."""
    keys = BaileysAuth.objects.filter(key__startswith="pre-key").count()
    return keys == 812 and BaileysAuth.objects.filter(key="creds").exists()


def at_rest(host: HostProcess, phone) -> bool:
    """Nothing of the first login, which touches each prekey twice, is to be copied."""
    path = host.directory / "stores" / f"phone-{phone.pk}.sqlite3"
    with closing(StoreFile(path)) as store:
        written = store.sequence()
    return PhoneLease.objects.get(phone=phone).auth_sequence == written


def rows_told_of(phone) -> int:
    return facts_of(phone).warnings.get("copy_refilled", {}).get("rows", 0)


@pytest.mark.parametrize("empty", WAYS)
def test_rows_deleted_beside_a_running_session_are_put_back(fleet: Fleet, phone, empty):
    fleet.settings |= HEALTH
    host = fleet.start_host()
    fleet.link(phone)
    fleet.wait(complete, "the first copy")
    fleet.wait(lambda: at_rest(host, phone), "the end of the first login")
    before = set(BaileysAuth.objects.values_list("key", flat=True))
    process = fleet.session_pid(phone)
    empty()
    fleet.wait(complete, "the refill")
    fleet.wait(
        lambda: set(BaileysAuth.objects.values_list("key", flat=True)) >= before,
        "the last row",
    )
    fleet.wait(lambda: "auth rows put right" in host.log, "its line in the log")
    assert fleet.session_pid(phone) == process
    assert facts_of(phone).cause == ""
    fleet.wait(lambda: rows_told_of(phone) >= 100, "the warning")
    assert "deleted or added by hand" in Story.of(phone).warnings[0].sentence


@pytest.mark.parametrize("empty", [WAYS[0], WAYS[2]])
def test_rows_deleted_just_before_a_session_ends_are_put_back(
    fleet: Fleet, phone, empty
):
    """Nobody has compared yet, and the next start asks the copy whether there are
    keys."""
    host = fleet.start_host()
    jid = fleet.link(phone)
    fleet.wait(complete, "the first copy")
    empty()
    os.kill(fleet.session_pid(phone), signal.SIGKILL)
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    assert complete()
    assert "copy_refilled" in facts_of(phone).warnings
    empty()
    assert host.terminate() == 0
    assert complete()


@pytest.mark.parametrize("empty", [WAYS[0], WAYS[2]])
def test_rows_deleted_while_it_is_stopped_mean_a_new_scan(fleet: Fleet, phone, empty):
    host = fleet.start_host()
    fleet.link(phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    empty()
    verbs.start(phone)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    facts = facts_of(phone)
    assert (facts.cause, facts.linked) == ("keys_cleared", False)
    assert record(phone)[-1] == ("error", "keys_cleared", None)
    wait_given_back(fleet, phone)
    # Cleared means cleared: no copy of the keys stays on the server's disk.
    assert not list((host.directory / "stores").glob("*.sqlite3*"))
    assert not Quarantine.objects.exists()
    with pytest.raises(verbs.VerbRefused, match="scan"):
        verbs.start(phone)
    fleet.link(phone)
    assert fleet.pairing(phone).state == PairingState.ONLINE
