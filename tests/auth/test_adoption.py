"""Imported rows are rows of a store file, and the next start makes one of them."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sessions.auth import adoption, central_copy
from sessions.auth.adoption import Adopted, Refused, adopt, plan
from sessions.auth.adoption_outlook import Fate, Outlook
from sessions.auth.imported_rows import PRIMARY_KEYS, VERSION
from sessions.auth.report import check_phone
from sessions.auth.store_connection import open_connection
from sessions.auth.tables import all_rows, read_tables
from sessions.host.wanted import wanted_phones
from sessions.models import BaileysAuth, Fence, PhoneLease
from tests.auth.conftest import Place
from tests.baileys_records.made_up import made_up_phone

NUMBER = "77054810862"


@pytest.fixture
def imported(organization) -> Adopted:
    source = made_up_phone(NUMBER, sessions=6, prekeys=12, lid="188877766655544")
    done = adopt(plan(source, {}), organization)
    assert isinstance(done, Adopted)
    return done


@pytest.fixture
def place(imported, host, tmp_path, create_schema) -> Any:
    with closing(Place(imported.phone, host, tmp_path / "one", create_schema)) as place:
        yield place


def test_the_primary_keys_are_those_of_the_real_library(schema):
    with closing(open_connection(schema, "ro")) as connection:
        tables = read_tables(connection)
        (version,) = all_rows(connection, tables["whatsmeow_version"])
    assert {name: tables[name].key for name in PRIMARY_KEYS} == PRIMARY_KEYS
    assert version == VERSION[1]


def test_the_first_start_makes_a_sound_store_of_them(place, imported):
    running = place.run()
    verified = running.store.verify(imported.phone, "whatsapp")
    assert verified.device_jid == f"{NUMBER}:12@s.whatsapp.net"
    with closing(sqlite3.connect(place.path)) as connection:
        count = "SELECT count(*) FROM whatsmeow_sessions"
        assert connection.execute(count).fetchone()[0] >= 6


def test_nothing_has_to_be_put_right_after_it(place, imported):
    running = place.run()
    assert running.mirror.compare()
    assert running.mirror.refill() == 0
    keys = BaileysAuth.objects.of(imported.phone).values_list("key", flat=True)
    assert set(keys) == running.store.snapshot().rows.keys()


def test_a_file_of_former_days_does_not_win(
    organization, phone, host, tmp_path, create_schema
):
    with closing(Place(phone, host, tmp_path / "one", create_schema)) as place:
        place.run().core.pair()  # and the host died before the first copy
        place.close()
        PhoneLease.objects.release(place.fence)
        done = adopt(plan(made_up_phone(phone.phone_number), {}), organization)
        assert isinstance(done, Adopted)
        place.retake()
        jid = place.open().device_jid()
    assert jid == f"{phone.phone_number}:12@s.whatsapp.net"


def test_a_phone_that_became_free_meanwhile_gets_no_half_import(
    organization, phone, monkeypatch
):
    """Busy when the rows were to be encrypted, free when the lock was there."""
    found = iter([Outlook(Fate.REFUSED, "busy"), Outlook(Fate.TAKE_OVER)])
    monkeypatch.setattr(adoption, "judge", lambda *arguments: next(found))
    done = adopt(plan(made_up_phone(phone.phone_number), {}), organization)
    assert isinstance(done, Refused)
    assert not BaileysAuth.objects.of(phone).exists()


def test_a_start_may_be_part_of_it(organization, host):
    done = adopt(plan(made_up_phone(NUMBER), {}), organization, start=True)
    assert isinstance(done, Adopted)
    wanted = wanted_phones(timezone.now(), host_id=host.pk)
    assert wanted.get() == done.phone


@pytest.mark.postgresql
def test_a_host_that_wants_the_phone_waits_for_the_import(
    organization, phone, host, monkeypatch
):
    fences: list[Fence | None] = []

    def take() -> None:
        fences.append(PhoneLease.objects.acquire(phone=phone, host_id=host.pk))
        connection.close()

    other = threading.Thread(target=take)
    write = central_copy.write

    def write_while_a_host_takes(rows: list[BaileysAuth]) -> None:
        other.start()
        other.join(0.3)
        assert other.is_alive()
        write(rows)

    monkeypatch.setattr(central_copy, "write", write_while_a_host_takes)
    done = adopt(plan(made_up_phone(phone.phone_number), {}), organization)
    other.join(10)
    assert isinstance(done, Adopted)
    (fence,) = fences
    assert fence is not None
    lease = PhoneLease.objects.get(phone=phone)
    assert (fence.epoch, lease.epoch) == (lease.auth_epoch + 1,) * 2


@pytest.mark.parametrize("lid", ["", "188877766655544"])
def test_imported_keys_are_healthy(organization, lid):
    source = made_up_phone(
        NUMBER, sessions=9, prekeys=12, lid=lid, app_state_versions=3
    )
    done = adopt(plan(source, {}), organization)
    assert isinstance(done, Adopted)
    report = check_phone(done.phone)
    assert (report.verdict, report.findings) == ("healthy", [])
