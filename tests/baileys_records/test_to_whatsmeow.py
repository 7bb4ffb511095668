"""Baileys' rows as a store file of the library, without the library's own code."""

from __future__ import annotations

from collections import Counter

import pytest

from sessions.baileys.to_whatsmeow import NotConvertible, convert
from tests.baileys_records.made_up import NUMBER, made_up_phone
from tests.baileys_records.stores import faults, fill

OWN_LID = "188877766655544"


def rows_of(conversion, table):
    return [row for name, row in conversion.rows if name == f"whatsmeow_{table}"]


@pytest.fixture
def store(create_schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    create_schema(path, "whatsapp")
    return path


@pytest.mark.parametrize("lid", ["", OWN_LID])
@pytest.mark.parametrize("hosted", [False, True])
def test_the_converted_rows_make_a_sound_store(store, lid, hosted):
    phone = made_up_phone(sessions=40, prekeys=30, lid=lid, hosted=hosted)
    conversion = convert(phone, lid_map={})
    fill(store, conversion.rows)
    assert faults(store, NUMBER) == []
    assert Counter(table for table, _ in conversion.rows)["whatsmeow_device"] == 1


def test_creds_without_an_account_need_a_scan():
    phone = made_up_phone()
    del phone.rows["creds"]["account"]
    with pytest.raises(NotConvertible):
        convert(phone, lid_map={})
