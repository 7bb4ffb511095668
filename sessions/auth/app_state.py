"""The app state adds up: the LT-hash of a collection is the sum of its rows."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from sessions.auth.device_checks import is_blob
from sessions.auth.rows import Row, Value

VERSION = "whatsmeow_app_state_version"
MACS = "whatsmeow_app_state_mutation_macs"
INFO = b"WhatsApp Patch Integrity"
WORDS = struct.Struct("<64H")


@dataclass
class AppState:
    """Takes the rows of both tables in any order."""

    _hashes: dict[Value, bytes] = field(default_factory=dict)
    # (collection, index) → (version, MAC): the library keeps older versions of a row.
    _macs: dict[tuple[Value, Value], tuple[int, bytes]] = field(default_factory=dict)

    def take(self, table: str, row: Row) -> None:
        if table == VERSION and is_blob(row["hash"]):
            self._hashes[row["name"]] = row["hash"]
        elif table == MACS and is_blob(row["value_mac"]):
            place = row["name"], row["index_mac"]
            version = row["version"] if isinstance(row["version"], int) else 0
            if place not in self._macs or self._macs[place][0] < version:
                self._macs[place] = version, row["value_mac"]

    def orphans(self) -> bool:
        """Rows of a collection that is not there."""
        return any(name not in self._hashes for name, _ in self._macs)

    def wrong(self) -> Iterator[str]:
        """Names of the collections whose hash is another."""
        sums: dict[Value, list[int]] = {name: [0] * 64 for name in self._hashes}
        for (name, _), (_, mac) in self._macs.items():
            if name in sums:
                added = zip(sums[name], WORDS.unpack(_expanded(mac)), strict=True)
                sums[name] = [(one + other) & 0xFFFF for one, other in added]
        for name, hashed in self._hashes.items():
            if len(hashed) == WORDS.size and hashed != WORDS.pack(*sums[name]):
                yield _text(name)


def _expanded(mac: bytes) -> bytes:
    """HKDF-SHA256 without a salt, 128 bytes."""
    key = hmac.digest(bytes(32), mac, hashlib.sha256)
    blocks = [b""]
    for number in range(1, 5):
        blocks.append(hmac.digest(key, blocks[-1] + INFO + bytes([number]), "sha256"))
    return b"".join(blocks)


def _text(name: Value) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else "?"
