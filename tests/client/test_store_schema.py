from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from sessions.client import forkserver, store_schema
from sessions.client.store_realm import read_realm

TRIGGER = """
CREATE TABLE changes (number INTEGER PRIMARY KEY, key TEXT);
CREATE TRIGGER note_device AFTER INSERT ON whatsmeow_device
BEGIN INSERT INTO changes (key) VALUES (NEW.jid); END;
"""


def test_a_new_store_takes_triggers_and_then_pairs(new_session, sandbox, tmp_path):
    directory = tmp_path / "phone"
    directory.mkdir()
    store = directory / "store.db"
    store_schema.create_schema(store, "sandbox")
    assert [path.name for path in directory.iterdir()] == ["store.db"]
    assert read_realm(store) == "sandbox"
    with closing(sqlite3.connect(store)) as connection:
        connection.executescript(TRIGGER)
        version = connection.execute("SELECT * FROM whatsmeow_version").fetchall()
        devices = connection.execute("SELECT * FROM whatsmeow_device").fetchall()
    assert version == [(15, 8)]
    assert devices == []

    session = new_session()
    jid = session.pair(sandbox, "77054830001")
    assert session.stop() == 0
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT key FROM changes").fetchall() == [(jid,)]


def test_an_existing_store_is_left_alone(sandbox_forkserver, tmp_path):
    store = tmp_path / "store.db"
    store.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        store_schema.create_schema(store, "sandbox")
    assert store.read_bytes() == b"mine"


def test_nothing_stays_behind_when_the_library_fails(
    sandbox_forkserver, tmp_path, monkeypatch
):
    monkeypatch.setattr(store_schema, "stamp_realm", lambda path, realm: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store_schema.create_schema(tmp_path / "store.db", "sandbox")
    assert list(tmp_path.iterdir()) == []


def test_the_librarys_words_are_told(sandbox_forkserver, tmp_path, monkeypatch):
    full = tmp_path / "store.db.new"

    def spoil(target, args, name="session"):
        full.write_bytes(b"not a database" * 100)
        return run(target, args, name)

    run = forkserver.run
    monkeypatch.setattr(forkserver, "run", spoil)
    with pytest.raises(store_schema.SchemaError, match="not a database"):
        store_schema.create_schema(tmp_path / "store.db", "sandbox")
