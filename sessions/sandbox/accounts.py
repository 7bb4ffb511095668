"""The simulated phones: accounts, the devices linked to them and what waits for a
device that is away."""

from __future__ import annotations

import os
import random
from dataclasses import asdict, dataclass, field, fields

from sessions.sandbox.jids import LID_SERVER, PHONE_SERVER, Jid
from sessions.sandbox.keys import SIGNAL_TYPE, KeyPair
from sessions.sandbox.storage import Storage

MAX_LINKED_DEVICES = 4  # what the phone allows
FIRST_FRESH_NUMBER = 77000000001
# One byte names a device in an AD JID; the real server counts up and stays below 100.
LAST_DEVICE_NUMBER = 99


@dataclass(frozen=True, slots=True)
class Registration:
    """The keys that a companion brings to its pairing, as bytes on the wire."""

    registration: bytes
    identity: bytes
    skey_id: bytes
    skey_value: bytes
    skey_signature: bytes

    @property
    def is_proper(self) -> bool:
        lengths = {"registration": 4, "identity": 32, "skey_id": 3, "skey_value": 32}
        lengths["skey_signature"] = 64
        return all(len(getattr(self, name)) == size for name, size in lengths.items())


@dataclass(slots=True)
class Device:
    """A linked companion: what it told at pairing, and what the server counts."""

    number: str
    device: int
    noise_key: bytes
    identity: bytes
    registration: bytes
    skey_id: bytes
    skey_value: bytes
    skey_signature: bytes
    key_index: int
    name: str
    platform: str
    paired_at: float
    logins: int = 0
    double_logins: int = 0

    @property
    def jid(self) -> Jid:
        return Jid(self.number, PHONE_SERVER, self.device)


@dataclass(slots=True)
class LinkedDevice(Device):
    """A device with what the server holds for it."""

    # key id -> (sequence of its upload, public key), oldest first
    prekeys: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    # sequence -> stanza, not yet acknowledged, oldest first
    queue: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Account:
    """A phone number with its primary phone (device 0) and its companions."""

    number: str
    name: str
    lid: str
    raw_id: int
    identity: KeyPair
    signed_prekey: KeyPair
    last_device: int = 0
    devices: dict[int, LinkedDevice] = field(default_factory=dict)
    # Numbers that asked for this account's device list and must hear of changes.
    watchers: set[str] = field(default_factory=set)

    def jid(self, server: str, device: int = 0) -> Jid:
        user = self.lid if server == LID_SERVER else self.number
        return Jid(user, server, device)

    @property
    def signed_prekey_signature(self) -> bytes:
        return self.identity.sign(SIGNAL_TYPE + self.signed_prekey.public)


class Accounts:
    """All accounts, in memory and on disk."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._accounts: dict[str, Account] = {}
        self._numbers_by_lid: dict[str, str] = {}
        self._load()

    def all(self) -> list[Account]:
        return list(self._accounts.values())

    def get(self, number: str) -> Account | None:
        return self._accounts.get(number)

    def find(self, jid: Jid) -> Account | None:
        """The account of a phone number or LID address."""
        if jid.server == LID_SERVER:
            return self._accounts.get(self._numbers_by_lid.get(jid.user, ""))
        return self._accounts.get(jid.user)

    def device(self, number: str, device: int) -> LinkedDevice | None:
        account = self.get(number)
        return account.devices.get(device) if account else None

    def ensure(self, number: str, name: str = "") -> Account:
        """The account of this number, created or renamed as needed."""
        account = self._accounts.get(number)
        if account is None:
            return self._create(number, name or f"Phone {number[-4:]}")
        if name and name != account.name:
            account.name = name
            statement = "UPDATE account SET name = ? WHERE number = ?"
            self._storage.now([(statement, (name, number))])
        return account

    def fresh_number(self) -> str:
        number = FIRST_FRESH_NUMBER
        while str(number) in self._accounts:
            number += 1
        return str(number)

    def next_device(self, account: Account) -> int:
        """A number for the account's next companion, not used lately."""
        while True:
            account.last_device = account.last_device % LAST_DEVICE_NUMBER + 1
            if account.last_device not in account.devices:
                break
        statement = "UPDATE account SET last_device = ? WHERE number = ?"
        self._storage.now([(statement, (account.last_device, account.number))])
        return account.last_device

    def link(self, account: Account, device: Device) -> None:
        """Keep a companion whose pairing is confirmed."""
        row = asdict(device)
        account.devices[device.device] = LinkedDevice(**row)
        self._storage.now(
            [
                # An earlier device may have had this number.
                (
                    "DELETE FROM prekey_upload"
                    " WHERE number = :number AND device = :device",
                    row,
                ),
                (
                    "DELETE FROM prekey_use"
                    " WHERE number = :number AND device = :device",
                    row,
                ),
                (
                    "INSERT INTO device VALUES (:number, :device, :noise_key,"
                    " :identity, :registration, :skey_id, :skey_value,"
                    " :skey_signature, :key_index, :name, :platform, :paired_at,"
                    " :logins, :double_logins)",
                    row,
                ),
            ]
        )

    def unlink(self, account: Account, device: LinkedDevice) -> None:
        for sequence in list(device.queue):
            self.dequeue(device, sequence)
        del account.devices[device.device]
        statement = "DELETE FROM device WHERE number = ? AND device = ?"
        self._storage.now([(statement, (device.number, device.device))])

    def forget(self, account: Account) -> None:
        """Remove an account without devices."""
        del self._accounts[account.number]
        del self._numbers_by_lid[account.lid]
        number = (account.number,)
        self._storage.now(
            [
                ("DELETE FROM account WHERE number = ?", number),
                ("DELETE FROM watcher WHERE number = ?", number),
                ("DELETE FROM prekey_upload WHERE number = ?", number),
                ("DELETE FROM prekey_use WHERE number = ?", number),
            ]
        )

    def watch(self, account: Account, number: str) -> None:
        """From now on `number` hears when the account's devices change."""
        if number not in account.watchers:
            account.watchers.add(number)
            statement = "INSERT OR IGNORE INTO watcher VALUES (?, ?)"
            self._storage.later(statement, (account.number, number))

    def count_login(self, device: Device, *, double: bool) -> None:
        device.logins += 1
        device.double_logins += double
        self._storage.later(
            "UPDATE device SET logins = ?, double_logins = ?"
            " WHERE number = ? AND device = ?",
            (device.logins, device.double_logins, device.number, device.device),
        )

    def reset_logins(self) -> None:
        for account in self.all():
            for device in account.devices.values():
                device.logins = device.double_logins = 0
        self._storage.later("UPDATE device SET logins = 0, double_logins = 0", ())

    def enqueue(self, device: LinkedDevice, stanza: bytes) -> int:
        sequence = self._storage.queue(device.number, device.device, stanza)
        device.queue[sequence] = stanza
        return sequence

    def dequeue(self, device: LinkedDevice, sequence: int) -> None:
        if device.queue.pop(sequence, None) is not None:
            self._storage.unqueue(sequence)

    def _create(self, number: str, name: str) -> Account:
        lid = ""
        while not lid or lid in self._numbers_by_lid:
            lid = str(random.SystemRandom().randrange(10**14, 10**15))
        raw_id = int.from_bytes(os.urandom(4), "big")
        identity, signed_prekey = KeyPair.generate(), KeyPair.generate()
        account = Account(number, name, lid, raw_id, identity, signed_prekey)
        keys = identity.private, signed_prekey.private
        row = (number, name, lid, raw_id, *keys, 0)
        self._storage.now([("INSERT INTO account VALUES (?,?,?,?,?,?,?)", row)])
        self._add(account)
        return account

    def _add(self, account: Account) -> None:
        self._accounts[account.number] = account
        self._numbers_by_lid[account.lid] = account.number

    def _load(self) -> None:
        for row in self._storage.rows("SELECT * FROM account"):
            number, name, lid, raw_id, identity, signed_prekey, last_device = row
            keys = KeyPair.from_private(identity), KeyPair.from_private(signed_prekey)
            self._add(Account(number, name, lid, raw_id, *keys, last_device))
        names = [column.name for column in fields(Device)]
        for row in self._storage.rows("SELECT * FROM device"):
            device = LinkedDevice(**dict(zip(names, row, strict=True)))
            self._accounts[device.number].devices[device.device] = device
        for number, watcher in self._storage.rows("SELECT * FROM watcher"):
            self._accounts[number].watchers.add(watcher)
        for row in self._storage.rows("SELECT * FROM queued ORDER BY sequence"):
            sequence, number, device_number, stanza = row
            owner = self.device(number, device_number)
            if owner is not None:
                owner.queue[sequence] = stanza
