from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sessions.sandbox.accounts import Account, Accounts, Device
from sessions.sandbox.jids import Jid
from sessions.sandbox.prekey_ledger import PrekeyLedger
from sessions.sandbox.storage import Storage

NUMBER = "77011112233"


class Memory:
    """Accounts on a file that can be read again, as after a crash."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.open()

    def open(self) -> None:
        self.storage = Storage(self._path)
        self.accounts = Accounts(self.storage)
        self.prekeys = PrekeyLedger(self.storage, self.accounts)

    def crash(self) -> None:
        """Forget what was not committed, as a kill -9 does, and start again."""
        self.storage._connection.close()
        self.open()


@pytest.fixture
def memory(tmp_path):
    memory = Memory(tmp_path / "accounts.sqlite3")
    yield memory
    memory.storage.close()


def link(memory: Memory, account: Account, **changes):
    fields = {
        "number": account.number,
        "device": memory.accounts.next_device(account),
        "noise_key": b"n" * 32,
        "identity": b"i" * 32,
        "registration": b"regi",
        "skey_id": b"\x00\x00\x01",
        "skey_value": b"s" * 32,
        "skey_signature": b"g" * 64,
        "key_index": 1,
        "name": "Switchboard (Acme)",
        "platform": "chrome",
        "paired_at": 1700000000.5,
    }
    memory.accounts.link(account, Device(**{**fields, **changes}))
    return account.devices[account.last_device]


def test_a_link_survives_a_crash(memory):
    account = memory.accounts.ensure(NUMBER, "Aigerim")
    device = link(memory, account)
    memory.crash()
    again = memory.accounts.get(NUMBER)
    assert again == account
    assert memory.accounts.device(NUMBER, 1) == device
    assert memory.accounts.find(Jid(account.lid, "lid", 1)) is again
    assert memory.accounts.find(Jid(NUMBER)) is again


def test_device_numbers_are_not_used_again(memory):
    account = memory.accounts.ensure(NUMBER)
    first = link(memory, account)
    memory.accounts.unlink(account, first)
    memory.crash()
    account = memory.accounts.ensure(NUMBER)
    assert account.devices == {}
    assert memory.accounts.next_device(account) == 2


def test_device_numbers_begin_again_after_99(memory):
    account = memory.accounts.ensure(NUMBER)
    link(memory, account)
    account.last_device = 98
    assert memory.accounts.next_device(account) == 99
    assert memory.accounts.next_device(account) == 2


def test_prekeys_survive_a_crash_and_are_used_once(memory):
    device = link(memory, memory.accounts.ensure(NUMBER))
    keys = [(number, bytes([number]) * 32) for number in (1, 2, 3)]
    memory.prekeys.upload(device, keys, (b"\x00\x00\x02", b"t" * 32, b"h" * 64))
    assert memory.prekeys.take(device) == (1, b"\x01" * 32)
    memory.crash()
    device = memory.accounts.device(NUMBER, 1)
    assert device.skey_id == b"\x00\x00\x02"
    assert memory.prekeys.take(device) == (2, b"\x02" * 32)
    assert memory.prekeys.take(device) == (3, b"\x03" * 32)
    assert memory.prekeys.take(device) is None
    log = {"uploaded": [1, 2, 3], "consumed": [1, 2, 3]}
    assert memory.prekeys.log(NUMBER, 1) == log


def test_the_log_shows_a_prekey_that_comes_twice(memory):
    device = link(memory, memory.accounts.ensure(NUMBER))
    memory.prekeys.upload(device, [(7, b"a" * 32)], None)
    memory.prekeys.take(device)
    memory.prekeys.upload(device, [(7, b"b" * 32)], None)
    memory.crash()
    device = memory.accounts.device(NUMBER, 1)
    assert memory.prekeys.take(device) == (7, b"b" * 32)
    assert memory.prekeys.log(NUMBER, 1) == {"uploaded": [7, 7], "consumed": [7, 7]}


def test_a_new_device_does_not_inherit_prekeys(memory):
    account = memory.accounts.ensure(NUMBER)
    device = link(memory, account)
    memory.prekeys.upload(device, [(1, b"a" * 32)], None)
    memory.accounts.unlink(account, device)
    account.last_device = 0
    link(memory, account)
    memory.crash()
    assert memory.accounts.device(NUMBER, 1).prekeys == {}
    assert memory.prekeys.log(NUMBER, 1) == {"uploaded": [], "consumed": []}


def test_the_queue_survives_once_it_was_flushed(memory):
    device = link(memory, memory.accounts.ensure(NUMBER))
    kept = memory.accounts.enqueue(device, b"kept")
    taken = memory.accounts.enqueue(device, b"taken")
    memory.storage.flush()
    memory.accounts.dequeue(device, taken)
    memory.storage.flush()
    memory.accounts.enqueue(device, b"lost with the crash")
    memory.crash()
    assert memory.accounts.device(NUMBER, 1).queue == {kept: b"kept"}


def test_watchers_counters_and_names_survive(memory):
    account = memory.accounts.ensure(NUMBER)
    device = link(memory, account)
    memory.accounts.watch(account, "77010000002")
    memory.accounts.count_login(device, double=False)
    memory.accounts.count_login(device, double=True)
    memory.accounts.ensure(NUMBER, "New name")
    memory.storage.flush()
    memory.crash()
    account = memory.accounts.get(NUMBER)
    assert account.watchers == {"77010000002"}
    assert account.name == "New name"
    device = account.devices[1]
    assert (device.logins, device.double_logins) == (2, 1)
    memory.accounts.reset_logins()
    assert (device.logins, device.double_logins) == (0, 0)


def test_a_forgotten_account_comes_back_as_another(memory):
    account = memory.accounts.ensure(NUMBER)
    memory.accounts.forget(account)
    memory.crash()
    assert memory.accounts.all() == []
    assert memory.accounts.ensure(NUMBER).lid != account.lid


def test_fresh_numbers_are_free(memory):
    first = memory.accounts.fresh_number()
    memory.accounts.ensure(first)
    assert memory.accounts.fresh_number() not in {first, NUMBER}


def test_a_statement_that_fails_leaves_the_next_ones_alone(memory):
    account = memory.accounts.ensure(NUMBER)
    with pytest.raises(sqlite3.Error):
        memory.storage.now([("INSERT INTO nowhere VALUES (1)", ())])
    link(memory, account)
    memory.crash()
    assert memory.accounts.device(NUMBER, 1) is not None
