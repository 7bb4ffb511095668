"""Writes a store file the way the Go core does: same statements, same pragmas.

The device is sound: its signatures are real, so the offline checks accept it.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import xeddsa

SERVER = "s.whatsapp.net"
SESSION = "188877766655000_1:0"  # address of the session that `paired` makes


class Device:
    """The secrets of one linked device."""

    def __init__(self, number: str, device: int = 1) -> None:
        self.jid = f"{number}:{device}@{SERVER}"
        self.noise, self.prekey, self.adv = (os.urandom(32) for _ in range(3))
        self.identity, self.account = (os.urandom(32) for _ in range(2))
        self.identity_public = xeddsa.priv_to_curve25519_pub(self.identity)
        self.details = b"\x08\x01\x10\x02\x18\x03"

    def row(self) -> dict[str, Any]:
        account_public = xeddsa.priv_to_curve25519_pub(self.account)
        prekey_public = xeddsa.priv_to_curve25519_pub(self.prekey)
        covered = self.details + self.identity_public
        return {
            "jid": self.jid,
            "lid": "188877766655544:1@lid",
            "registration_id": 4294967295,
            "noise_key": self.noise,
            "identity_key": self.identity,
            "signed_pre_key": self.prekey,
            "signed_pre_key_id": 1,
            "signed_pre_key_sig": _sign(self.identity, b"\x05" + prekey_public),
            "adv_key": self.adv,
            "adv_details": self.details,
            "adv_account_sig": _sign(self.account, b"\x06\x00" + covered),
            "adv_account_sig_key": account_public,
            "adv_device_sig": _sign(
                self.identity, b"\x06\x01" + covered + account_public
            ),
            "platform": "android",
            "push_name": "Smith, John",
        }

    def session(self) -> bytes:
        """A Signal session as whatsmeow stores it: Go's JSON."""
        chain = {
            "SenderRatchetKeyPublic": _text(b"\x05" + os.urandom(32)),
            "SenderRatchetKeyPrivate": _text(os.urandom(32)),
            "ChainKey": {"Key": _text(os.urandom(32)), "Index": 0},
            "MessageKeys": [],
        }
        state = {
            "LocalIdentityPublic": _text(b"\x05" + self.identity_public),
            "RemoteIdentityPublic": _text(b"\x05" + os.urandom(32)),
            "SenderBaseKey": _text(b"\x05" + os.urandom(32)),
            "RootKey": _text(os.urandom(32)),
            "ReceiverChains": [{**chain, "SenderRatchetKeyPrivate": None}],
            "SenderChain": chain,
            "SessionVersion": 3,
        }
        return json.dumps({"SessionState": state, "PreviousStates": []}).encode()


class Core:
    """A writer on the store file; as the Go core, the only one."""

    def __init__(self, path: Path, device: Device) -> None:
        self.device = device
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.connection.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        self.connection.close()

    def run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self.connection.execute(sql, values)

    def insert(self, table: str, **row: Any) -> None:
        columns, places = ", ".join(row), ", ".join("?" * len(row))
        self.run(f"INSERT INTO {table} ({columns}) VALUES ({places})", *row.values())

    def pair(self) -> None:
        self.insert("whatsmeow_device", **self.device.row())

    def make_prekeys(self, count: int = 812, first: int = 1) -> dict[int, bytes]:
        keys = {number: os.urandom(32) for number in range(first, first + count)}
        self.run("BEGIN IMMEDIATE")
        for number, key in keys.items():
            self.insert(
                "whatsmeow_pre_keys",
                jid=self.device.jid,
                key_id=number,
                key=key,
                uploaded=False,
            )
        self.run("COMMIT")
        return keys

    def mark_uploaded(self, up_to: int) -> None:
        self.run(
            "UPDATE whatsmeow_pre_keys SET uploaded=true WHERE jid=? AND key_id<=?",
            self.device.jid,
            up_to,
        )

    def remove_prekey(self, number: int) -> None:
        self.run(
            "DELETE FROM whatsmeow_pre_keys WHERE jid=? AND key_id=?",
            self.device.jid,
            number,
        )

    def put_session(self, address: str, session: bytes | None = None) -> bytes:
        session = self.device.session() if session is None else session
        self.run(
            "INSERT INTO whatsmeow_sessions (our_jid, their_id, session) "
            "VALUES (?, ?, ?) "
            "ON CONFLICT (our_jid, their_id) DO UPDATE SET session=excluded.session",
            self.device.jid,
            address,
            session,
        )
        return session

    def delete_device(self) -> None:
        """What whatsmeow does by itself on 401, 403 and 406."""
        self.run("DELETE FROM whatsmeow_device WHERE jid=?", self.device.jid)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every whatsmeow row of a file, text as bytes, for comparison."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = lambda raw: ("text", raw)
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type='table' AND name LIKE 'whatsmeow%'"
    ).fetchall()
    found = {
        name.decode(): sorted(
            connection.execute(f"SELECT * FROM {name.decode()}").fetchall(), key=repr
        )
        for ((_, name),) in tables
    }
    connection.close()
    return found


def _sign(private: bytes, message: bytes) -> bytes:
    positive = xeddsa.priv_force_sign(private, False)
    return bytes(xeddsa.ed25519_priv_sign(positive, message))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
