"""The change log: every write of the core is noted, in order, with its row."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.auth.store_file import StoreFile
from sessions.auth.tables import read_tables
from tests.auth.core import Core, Device


@pytest.fixture
def store(schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    shutil.copyfile(schema, path)
    with closing(StoreFile(path)) as store:
        store.prepare("whatsapp", 1, 1)
        yield store


@pytest.fixture
def core(store):
    with closing(Core(store.path, Device("77054810862"))) as core:
        core.pair()
        yield core


def noted(store, after):
    batch = store.changes(after)
    return sorted(batch.upserts), sorted(batch.deletes)


def test_every_table_of_the_library_has_its_triggers(store, core):
    with closing(sqlite3.connect(store.path)) as connection:
        connection.text_factory = bytes
        tables = read_tables(connection)
    assert len(tables) == 17
    triggers = {
        name
        for (name,) in core.run("SELECT name FROM sqlite_master WHERE type='trigger'")
    }
    assert triggers == {
        f"switchboard_{table}_{event}"
        for table in tables
        for event in ("insert", "update", "rekey", "delete")
    }


def test_insert_update_and_delete_are_noted(store, core):
    core.put_session("77010000002:0")
    core.put_session("77010000002:0")
    core.put_session("77010000003:0")
    core.run("DELETE FROM whatsmeow_sessions WHERE their_id = '77010000003:0'")
    upserts, deletes = noted(store, 0)
    assert [key for key in upserts if key.startswith("session")] == [
        "session-77010000002.0"
    ]
    assert deletes == ["session-77010000003.0"]


def test_the_log_holds_each_row_once_and_its_numbers_grow(store, core):
    before = store.sequence()
    for _ in range(50):
        core.put_session("77010000002:0")
    assert store.sequence() == before + 50
    (entries,) = core.run(
        "SELECT count(*) FROM switchboard_changes WHERE tbl = 'whatsmeow_sessions'"
    ).fetchone()
    assert entries == 1


def test_a_row_written_as_it_was_is_no_change(store, core):
    session = core.put_session("77010000002:0")
    before = store.sequence()
    core.put_session("77010000002:0", session)
    core.run("UPDATE whatsmeow_device SET push_name = push_name")
    assert store.sequence() == before


@pytest.mark.parametrize("policy", ["", "OR REPLACE", "OR IGNORE", "OR FAIL"])
def test_the_outer_conflict_policy_does_not_reach_the_log(store, core, policy):
    core.put_session("77010000002:0")
    core.run("DELETE FROM whatsmeow_sessions")
    before = store.sequence()
    core.run(
        f"INSERT {policy} INTO whatsmeow_sessions VALUES (?, '77010000002:0', x'01')",
        core.device.jid,
    )
    core.run(f"UPDATE {policy} whatsmeow_sessions SET session = x'02'")
    assert noted(store, before) == (["session-77010000002.0"], [])


def test_a_changed_primary_key_notes_both(store, core):
    core.put_session("77010000002:0")
    before = store.sequence()
    core.run("UPDATE whatsmeow_sessions SET their_id = '188877_1:0'")
    assert noted(store, before) == (
        ["session-188877_1.0"],
        ["session-77010000002.0"],
    )


def test_the_cascade_of_a_deleted_device_is_noted(store, core):
    core.make_prekeys(3)
    core.put_session("77010000002:0")
    before = store.sequence()
    core.delete_device()
    batch = store.changes(before)
    assert batch.device_row_deleted
    assert batch.upserts == {}
    assert len(batch.deletes) == 5


def test_a_rolled_back_statement_leaves_no_note(store, core):
    before = store.sequence()
    core.run("BEGIN IMMEDIATE")
    core.put_session("77010000002:0")
    core.run("ROLLBACK")
    assert store.sequence() == before
    assert noted(store, before) == ([], [])


def test_a_batch_is_limited_and_goes_on_where_it_ended(store, core):
    core.make_prekeys(25)
    seen, after = set(), 0
    while True:
        batch = store.changes(after, limit=10)
        if batch.last_seq == after:
            break
        assert len(batch.upserts) <= 10
        seen |= batch.upserts.keys()
        after = batch.last_seq
    assert {f"pre-key-{number}" for number in range(1, 26)} <= seen


def test_a_reader_sees_commits_of_a_core_that_is_still_open(store, core):
    version, before = store.data_version(), store.sequence()
    assert store.data_version() == version
    core.run("BEGIN IMMEDIATE")
    core.put_session("77010000002:0")
    assert store.data_version() == version
    core.run("COMMIT")
    assert store.data_version() != version
    assert noted(store, before) == (["session-77010000002.0"], [])


def test_preparing_again_notes_nothing_and_prunes_what_was_copied(store, core):
    core.make_prekeys(5)
    last = store.sequence()
    store.prepare("whatsapp", 1, 7)
    assert store.sequence() == last
    assert store.stamp().epoch == 7
    store.freshen("whatsapp", 1, 7, copied=last - 2)
    assert store.sequence() == last
    assert len(store.changes(0).upserts) == 2


def test_rows_that_were_there_before_the_triggers_are_noted(schema, tmp_path):
    path = tmp_path / "found.sqlite3"
    shutil.copyfile(schema, path)
    with closing(Core(path, Device("77054810862"))) as core:
        core.pair()
        core.make_prekeys(3)
    with closing(StoreFile(path)) as store:
        store.prepare("whatsapp", 1, 1)
        assert len(store.changes(0).upserts) == 1 + 3 + 1  # device, prekeys, version


def test_a_table_that_changed_gets_new_triggers_and_is_copied_anew(store, core):
    core.put_session("77010000002:0")
    core.run("ALTER TABLE whatsmeow_sessions ADD COLUMN born INTEGER DEFAULT 0")
    core.run("CREATE TABLE whatsmeow_news (our_jid TEXT PRIMARY KEY, word TEXT)")
    core.insert("whatsmeow_news", our_jid=core.device.jid, word="one")
    before = store.sequence()
    store.prepare("whatsapp", 1, 2)
    # The session had its note already: it keeps its place, with the new column.
    assert noted(store, before) == (["whatsmeow_news-"], [])
    assert b'"born":0' in store.changes(0).upserts["session-77010000002.0"]
    before = store.sequence()
    core.run("UPDATE whatsmeow_sessions SET born = 1")
    core.run("UPDATE whatsmeow_news SET word = 'two'")
    assert noted(store, before) == (
        ["session-77010000002.0", "whatsmeow_news-"],
        [],
    )


# -- odd bytes ------------------------------------------------------------------------

text = st.binary(max_size=30)
blob = st.binary(min_size=1, max_size=60)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chat=text, sender=text, name=text, key=blob, index=blob)
def test_odd_bytes_pass_through_triggers_and_back(
    store, core, chat, sender, name, key, index
):
    """NULs, commas and bytes that are no UTF-8, in keys and in values."""
    core.run("DELETE FROM whatsmeow_sender_keys")
    core.run("DELETE FROM whatsmeow_app_state_sync_keys")
    before = store.sequence()
    core.run(
        "INSERT INTO whatsmeow_sender_keys "
        "VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?)",
        core.device.jid,
        chat,
        sender,
        key,
    )
    core.run(
        "INSERT INTO whatsmeow_app_state_sync_keys VALUES (?, ?, ?, -1, x'')",
        core.device.jid,
        index,
        key,
    )
    core.run("UPDATE whatsmeow_device SET push_name = CAST(? AS TEXT)", name)
    batch = store.changes(before)
    assert batch.deletes == []
    assert batch.upserts.items() <= store.snapshot().rows.items()
    assert sum(key.startswith("sender-key-") for key in batch.upserts) == 1
    assert sum(key.startswith("app-state-sync-key-") for key in batch.upserts) == 1


def test_the_reader_cannot_write(store):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._connection().execute("DELETE FROM switchboard_changes")
