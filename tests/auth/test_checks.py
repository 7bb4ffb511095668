"""One damage per check: the sound store passes, the damaged one fails that check."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from sessions.auth.checks import check_rows, link_time
from sessions.auth.report import leftover_journal
from sessions.auth.rows import Text
from sessions.auth.store_file import StoreFile
from sessions.auth.tables import all_rows, read_tables
from sessions.policy.auth_check_texts import ADVICE, LOOKS_AT, SENTENCES, sentence
from sessions.policy.auth_checks import SEVERITIES
from sessions.policy.auth_findings import Severity
from tests.auth.core import Device
from tests.auth.sound_store import CONTACT, NUMBER, OWN, STATE, Sound, altered, text

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def core(schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    shutil.copyfile(schema, path)
    with closing(Sound(path, Device(NUMBER))) as core:
        core.path = path
        core.fill()
        core.run("PRAGMA ignore_check_constraints = ON")
        core.run("PRAGMA foreign_keys = OFF")
        yield core


def examine(core, number=NUMBER, **options):
    with closing(StoreFile(core.path)) as store:
        return store.examine(number, **{"now": NOW, **options})


def failed(core, number=NUMBER, **options) -> list[str]:
    return [found.check for found in examine(core, number, **options).findings]


def rows_of(core):
    with closing(StoreFile(core.path)) as store, store.reading() as connection:
        tables = read_tables(connection).values()
        return [
            (table.name, row) for table in tables for row in all_rows(connection, table)
        ]


def test_a_sound_store_fails_no_check(core):
    examined = examine(core)
    assert examined.findings == []
    assert examined.highest_prekey == 30
    assert examined.counts["session"]["rows"] == 2
    assert examined.counts["pre-key"]["bytes"] > 30 * 32
    assert check_rows(rows_of(core), number=NUMBER, now=NOW) == []


UPDATE = "UPDATE whatsmeow_device SET "
# Each is done to the sound store alone; all of them are seen in its rows, too.
DAMAGES = {
    "w02": "INSERT INTO whatsmeow_sessions VALUES ('7:1@s.whatsapp.net', 'x:0', NULL)",
    "w06": "DELETE FROM whatsmeow_device",
    "w08": UPDATE + "jid = '77054810862@s.whatsapp.net'",
    "w09": UPDATE + "jid = '4915112345678:1@s.whatsapp.net'",
    "w10": UPDATE + "lid = 'nobody@lid'",
    "w11": UPDATE + "noise_key = x'00'",
    "w12": UPDATE + "signed_pre_key_sig = zeroblob(64)",
    "w13": UPDATE + "adv_account_sig = zeroblob(64)",
    "w14": UPDATE + "adv_device_sig = zeroblob(64)",
    "w20": "UPDATE whatsmeow_sessions SET session = '{' WHERE their_id = 'CONTACT'",
    "w23": "UPDATE whatsmeow_sender_keys SET sender_key = '{}'",
    "w24": "UPDATE whatsmeow_identity_keys SET identity = randomblob(32) "
    "WHERE their_id = 'CONTACT'",
    "w25": "UPDATE whatsmeow_identity_keys SET identity = randomblob(32) "
    "WHERE their_id = 'OWN'",
    "w26": "UPDATE whatsmeow_pre_keys SET key = x'00' WHERE key_id = 3",
    "w30": "DELETE FROM whatsmeow_pre_keys WHERE key_id < 27",
    "w31": "DELETE FROM whatsmeow_identity_keys WHERE their_id = 'OWN'",
    "w32": "DELETE FROM whatsmeow_app_state_sync_keys",
    "w34": "UPDATE whatsmeow_app_state_version SET hash = randomblob(128)",
}


@pytest.mark.parametrize("check", DAMAGES)
def test_one_damage_fails_its_check_and_no_other(core, check):
    # The rows that name the device move with it, as the library's foreign keys do.
    moving = check in ("w08", "w09")
    core.run(f"PRAGMA foreign_keys = {'ON' if moving else 'OFF'}")
    core.run(DAMAGES[check].replace("CONTACT", CONTACT).replace("OWN", OWN))
    file_says = failed(core)
    rows_say = [
        found.check for found in check_rows(rows_of(core), number=NUMBER, now=NOW)
    ]
    assert (file_says, rows_say) == ([check], [check])


def test_w01_sqlite_finds_the_file_damaged(core):
    core.run("PRAGMA wal_checkpoint(TRUNCATE)")
    size = core.path.stat().st_size
    with core.path.open("r+b") as file:
        file.seek(size // 4)
        file.write(bytes(size // 2))
    assert failed(core) == ["w01"]


def test_w01_is_said_of_what_is_no_database_at_all(tmp_path):
    path = tmp_path / "store.sqlite3"
    path.write_text("not a database\n" * 500)
    with closing(StoreFile(path)) as store:
        (found,) = store.examine(NUMBER).findings
    assert found.check == "w01"
    assert "not a database" in sentence(found)


@pytest.mark.parametrize(
    "damage", ["DROP TABLE whatsmeow_version", "DELETE FROM whatsmeow_version"]
)
def test_w03_the_schema_is_not_whatsmeows(core, damage):
    core.run(damage)
    assert failed(core) == ["w03"]


def test_w04_a_newer_library_wrote_it(core):
    core.run("UPDATE whatsmeow_version SET version = 99, compat = 90")
    assert failed(core) == ["w04"]


def test_w07_there_are_two_devices(core):
    core.device = Device(NUMBER, 2)
    core.pair()
    assert failed(core) == ["w07"]


def test_w16_a_row_lacks_a_column(core):
    rows = rows_of(core)
    rows.append(("whatsmeow_sessions", {"our_jid": Text(core.device.jid.encode())}))
    (found,) = check_rows(rows, number=NUMBER)
    assert (found.check, found.values["row"]) == ("w16", "session")


SESSION_DAMAGES = {
    ("SenderChain",): None,
    ("SenderChain", "ChainKey"): None,
    ("SenderChain", "SenderRatchetKeyPrivate"): "",
    ("RootKey",): "AAAA",
    ("SenderBaseKey",): "",
    ("RemoteIdentityPublic",): None,
    ("LocalIdentityPublic",): text(b"\x06" + bytes(32)),
    ("ReceiverChains",): [None],
    ("PendingPreKey",): {"BaseKey": ""},
}


@pytest.mark.parametrize("path", SESSION_DAMAGES, ids=".".join)
def test_w20_a_session_would_end_the_process(core, path):
    session = altered(core.device.session(), *path, value=SESSION_DAMAGES[path])
    core.put_session(CONTACT, session)
    assert failed(core) == ["w20"]


def test_w20_an_archived_state_would_end_it_too(core):
    session = json.loads(core.device.session())
    session["PreviousStates"] = [json.loads(core.device.session())[STATE]]
    core.put_session("77010000003:0", json.dumps(session).encode())
    assert failed(core) == []
    session["PreviousStates"].append(None)
    core.put_session("77010000003:0", json.dumps(session).encode())
    assert failed(core) == ["w20"]


def test_w21_a_session_is_of_another_identity(core):
    core.put_session("77010000003:0", Device(NUMBER).session())
    (found,) = examine(core).findings
    assert (found.check, found.values["count"]) == ("w21", 1)


@pytest.mark.parametrize("address", [OWN, f"{NUMBER}:0"])
def test_w22_the_session_with_the_phone_is_from_before_it_was_reinstalled(
    core, address
):
    core.put_session(address, core.device.session())
    assert failed(core) == ["w22"]


@pytest.mark.parametrize(("seen", "checks"), [(30, []), (50, []), (51, ["w27"])])
def test_w27_the_newest_prekeys_are_gone(core, seen, checks):
    assert failed(core, seen_prekey=seen) == checks


def test_w32_waits_for_an_hour_after_the_link(core):
    linked = NOW - timedelta(minutes=30)
    stamp = int(linked.timestamp())
    details, varint = b"\x08\x01\x10", bytearray()
    while stamp > 0x7F:
        varint.append(stamp & 0x7F | 0x80)
        stamp >>= 7
    core.device.details = details + bytes([*varint, stamp]) + b"\x18\x03"
    row = core.device.row()
    for column in ("adv_details", "adv_account_sig", "adv_device_sig"):
        core.run(f"{UPDATE} {column} = ?", row[column])
    core.run(DAMAGES["w32"])
    assert link_time({"adv_details": row["adv_details"]}) == linked
    assert failed(core) == []
    assert failed(core, now=NOW + timedelta(hours=1)) == ["w32"]


def test_w33_a_journal_lies_beside_the_file(core):
    journal = core.path.with_name(core.path.name + "-journal")
    assert list(leftover_journal(core.path)) == []
    journal.touch()
    assert list(leftover_journal(core.path)) == []
    journal.write_bytes(b"\xd9\xd5\x05\xf9")
    (found,) = leftover_journal(core.path)
    assert found.check == "w33"


def test_the_rows_of_one_contact_and_of_a_collection_are_dropped(core):
    for check in ("w20", "w23", "w25", "w26"):
        core.run(DAMAGES[check].replace("CONTACT", CONTACT).replace("OWN", OWN))
    core.run("UPDATE whatsmeow_app_state_mutation_macs SET value_mac = x'00'")
    with closing(StoreFile(core.path)) as store:
        dropped = store.drop_broken_rows()
        assert len(dropped) == 7
        assert not any(NUMBER in line for line in dropped)
        assert store.drop_broken_rows() == []
    assert failed(core) == ["w31"]
    with closing(sqlite3.connect(core.path)) as connection:
        for table in ("version", "mutation_macs"):
            name = f"whatsmeow_app_state_{table}"
            assert connection.execute(f"SELECT * FROM {name}").fetchall() == []


def test_the_worst_comes_first(core):
    for check in ("w31", "w20", "w14"):
        core.run(DAMAGES[check].replace("CONTACT", CONTACT).replace("OWN", OWN))
    assert failed(core) == ["w14", "w20", "w31"]


def test_a_store_that_was_never_paired_has_nothing_wrong(schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    shutil.copyfile(schema, path)
    with closing(StoreFile(path)) as store:
        assert store.examine(NUMBER, now=NOW).findings == []


def test_every_check_has_its_texts():
    assert SEVERITIES.keys() == SENTENCES.keys() == LOOKS_AT.keys()
    fatal = {check for check, one in SEVERITIES.items() if one == Severity.FATAL}
    assert fatal == {check for check in SEVERITIES if check < "w20"}
    assert ADVICE.keys() == SEVERITIES.keys()
