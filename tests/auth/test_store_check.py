"""The offline check: one damage per test, each must be found before the Go core."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from sessions.auth.errors import BrokenStore, StoreUnavailable
from sessions.auth.store_check import NEWEST_SCHEMA, broken_rows, store_findings
from sessions.auth.store_file import StoreFile
from tests.auth.core import Core, Device

NUMBER = "77054810862"


@pytest.fixture
def core(schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    shutil.copyfile(schema, path)
    with closing(Core(path, Device(NUMBER))) as core:
        core.path = path
        core.pair()
        core.run("PRAGMA ignore_check_constraints = ON")
        core.run("PRAGMA foreign_keys = OFF")
        yield core


def check(core, number=NUMBER):
    with closing(StoreFile(core.path)) as store, store.reading() as connection:
        for finding in store_findings(connection, number):
            raise BrokenStore(finding)


def faults(core):
    with closing(StoreFile(core.path)) as store, store.reading() as connection:
        return list(broken_rows(connection))


def test_a_sound_file_passes(core):
    core.make_prekeys(10)
    core.put_session("77010000002:0")
    check(core)
    assert faults(core) == []


def test_the_library_writes_the_schema_that_is_known(schema):
    with closing(sqlite3.connect(schema)) as connection:
        versions = connection.execute("SELECT version, compat FROM whatsmeow_version")
        assert versions.fetchall() == [(NEWEST_SCHEMA, 8)]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("UPDATE whatsmeow_version SET version = 99, compat = 90", "newer library"),
        ("DELETE FROM whatsmeow_version", "0 schema versions"),
        ("DROP TABLE whatsmeow_version", "not whatsmeow's"),
        (
            "INSERT INTO whatsmeow_sessions VALUES ('x', 'y', x'')",
            "without their device",
        ),
        (
            "UPDATE whatsmeow_device SET jid = '77054810862@s.whatsapp.net'",
            "never fully",
        ),
        ("UPDATE whatsmeow_device SET jid = 'what'", "never fully"),
        ("UPDATE whatsmeow_device SET jid = '4915112345678:1@s.whatsapp.net'", r"49\*"),
        ("UPDATE whatsmeow_device SET noise_key = x'00'", "damage"),
        ("UPDATE whatsmeow_device SET adv_key = x'00'", "damaged: adv_key"),
        ("UPDATE whatsmeow_device SET adv_key = 'text'", "damaged: adv_key"),
        ("UPDATE whatsmeow_device SET identity_key = randomblob(32)", "signed prekey"),
        (
            "UPDATE whatsmeow_device SET signed_pre_key = randomblob(32)",
            "signed prekey",
        ),
        ("UPDATE whatsmeow_device SET adv_details = x'0801'", "of the account"),
        ("UPDATE whatsmeow_device SET adv_account_sig = randomblob(64)", "account"),
        ("UPDATE whatsmeow_device SET adv_device_sig = randomblob(64)", "the device"),
    ],
)
def test_damage_of_the_device_is_named(core, sql, sentence):
    core.run(sql)
    with pytest.raises(BrokenStore, match=sentence):
        check(core)


def test_two_devices_in_one_file_are_refused(core):
    core.device = Device(NUMBER, 2)
    core.pair()
    with pytest.raises(BrokenStore, match="2 devices"):
        check(core)


def test_another_spelling_of_the_number_is_the_same_phone(core):
    core.run("UPDATE whatsmeow_device SET jid = '5511987654321:1@s.whatsapp.net'")
    check(core, "551187654321")


def altered(core, *path, value):
    record = json.loads(core.device.session())
    place = record
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(record).encode()


STATE = "SessionState"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((STATE,), None),
        ((STATE, "SenderChain"), None),
        ((STATE, "SenderChain", "ChainKey"), None),
        ((STATE, "SenderChain", "ChainKey", "Key"), ""),
        ((STATE, "SenderChain", "ChainKey", "Key"), None),
        ((STATE, "SenderChain", "SenderRatchetKeyPrivate"), None),
        ((STATE, "SenderChain", "SenderRatchetKeyPublic"), "AAAA"),
        ((STATE, "RootKey"), "not base64!"),
        ((STATE, "ReceiverChains"), [None]),
        ((STATE, "ReceiverChains"), [{"SenderRatchetKeyPublic": "AAAA"}]),
        (
            (STATE, "LocalIdentityPublic"),
            base64.b64encode(b"\x05" + b"\x42" * 32).decode(),
        ),
    ],
)
def test_a_session_that_would_end_the_process_is_found(core, path, value):
    core.put_session("77010000002:0", altered(core, *path, value=value))
    assert len(faults(core)) == 1


@pytest.mark.parametrize(
    "record", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x0a\x05"]
)
def test_a_session_that_is_no_json_is_found(core, record):
    core.put_session("77010000002:0", record)
    assert len(faults(core)) == 1


def test_an_empty_session_column_is_no_session(core):
    core.run(
        "INSERT INTO whatsmeow_sessions VALUES (?, '77010000002:0', NULL)",
        core.device.jid,
    )
    assert faults(core) == []


def test_a_session_without_receiving_chains_is_sound(core):
    session = altered(core, STATE, "ReceiverChains", value=None)
    core.put_session("77010000002:0", session)
    assert faults(core) == []


SENDER_KEY = {
    "SenderChainKey": {"ChainKey": "A" * 43 + "="},
    "SigningKeyPublic": base64.b64encode(b"\x05" + bytes(32)).decode(),
}


@pytest.mark.parametrize(
    ("record", "sound"),
    [
        ({"SenderKeyStates": []}, True),
        ({"SenderKeyStates": None}, True),
        ({"SenderKeyStates": [SENDER_KEY]}, True),
        ({"SenderKeyStates": [{**SENDER_KEY, "SigningKeyPublic": ""}]}, False),
        ({"SenderKeyStates": [{**SENDER_KEY, "Keys": [None]}]}, False),
        ({"SenderKeyStates": [{"SenderChainKey": {"ChainKey": ""}}]}, False),
        ({"SenderKeyStates": [{"SenderChainKey": None}]}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_broken_sender_key_is_found(core, record, sound):
    core.run(
        "INSERT INTO whatsmeow_sender_keys VALUES (?, 'g@g.us', '7701:0', ?)",
        core.device.jid,
        json.dumps(record).encode(),
    )
    assert bool(faults(core)) is not sound


def test_an_error_of_the_moment_does_not_make_a_file_broken(tmp_path):
    with (
        closing(StoreFile(tmp_path / "missing.sqlite3")) as store,
        pytest.raises(StoreUnavailable, match="unable to open"),
    ):
        store.device_jid()
