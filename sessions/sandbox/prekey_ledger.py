"""Every one-time prekey that was uploaded and every one that was handed out.

A prekey that is handed out twice breaks a conversation, so both are written at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessions.sandbox.accounts import Accounts, LinkedDevice
from sessions.sandbox.storage import Statement, Storage


class PrekeyLedger:
    """The prekeys of all devices; those still unused also lie in `device.prekeys`."""

    def __init__(self, storage: Storage, accounts: Accounts) -> None:
        self._storage = storage
        self._sequence = 0
        self._load(accounts)

    def upload(
        self,
        device: LinkedDevice,
        keys: Sequence[tuple[int, bytes]],
        signed: tuple[bytes, bytes, bytes] | None,
    ) -> None:
        """Keep (id, public key) pairs and the signed prekey (id, key, signature)."""
        statements: list[Statement] = []
        owner = (device.number, device.device)
        for key_id, value in keys:
            self._sequence += 1
            device.prekeys[key_id] = (self._sequence, value)
            row = (self._sequence, *owner, key_id, value)
            statements.append(("INSERT INTO prekey_upload VALUES (?,?,?,?,?)", row))
        if signed is not None:
            device.skey_id, device.skey_value, device.skey_signature = signed
            statement = (
                "UPDATE device SET skey_id = ?, skey_value = ?, skey_signature = ?"
                " WHERE number = ? AND device = ?"
            )
            statements.append((statement, (*signed, *owner)))
        self._storage.now(statements)

    def take(self, device: LinkedDevice) -> tuple[int, bytes] | None:
        """Use up the oldest prekey: its id and public key; None if none is left."""
        if not device.prekeys:
            return None
        key_id = next(iter(device.prekeys))
        sequence, value = device.prekeys.pop(key_id)
        statement = (
            "INSERT INTO prekey_use (upload, number, device, key_id) VALUES (?,?,?,?)"
        )
        row = (sequence, device.number, device.device, key_id)
        self._storage.now([(statement, row)])
        return key_id, value

    def log(self, number: str, device: int) -> dict[str, list[int]]:
        """Ids in the order they were uploaded, and in the order they were consumed."""
        uploaded = self._storage.rows(
            "SELECT key_id FROM prekey_upload WHERE number = ? AND device = ?"
            " ORDER BY sequence",
            (number, device),
        )
        consumed = self._storage.rows(
            "SELECT key_id FROM prekey_use WHERE number = ? AND device = ?"
            " ORDER BY sequence",
            (number, device),
        )
        return {
            "uploaded": [key_id for (key_id,) in uploaded],
            "consumed": [key_id for (key_id,) in consumed],
        }

    def _load(self, accounts: Accounts) -> None:
        used = {row[0] for row in self._storage.rows("SELECT upload FROM prekey_use")}
        rows = self._storage.rows("SELECT * FROM prekey_upload ORDER BY sequence")
        for sequence, number, device_number, key_id, value in rows:
            self._sequence = sequence
            device = accounts.device(number, device_number)
            if device is None:
                continue
            device.prekeys.pop(key_id, None)
            if sequence not in used:
                device.prekeys[key_id] = (sequence, value)
