"""The realm stamped into a store file: sandbox keys and real keys never meet.

The stamp is SQLite's application_id, bytes 68 to 71 of the file, so a session process
can read it without SQLite: a second SQLite in that process would drop Go's file locks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .wire import Realm

APPLICATION_IDS: Final[dict[Realm, int]] = {
    "whatsapp": int.from_bytes(b"SbWa"),
    "sandbox": int.from_bytes(b"SbSx"),
}
HEADER_BYTES = 100
APPLICATION_ID_OFFSET = 68


def read_realm(path: str | Path) -> Realm | None:
    """Return the realm of a store file, None without a stamp; raise OSError if missing.

    Closing the file drops every POSIX lock this process holds on it: call it only where
    nothing in the process has the store open.
    """
    with open(path, "rb") as file:
        header = file.read(HEADER_BYTES)
    stamp = int.from_bytes(header[APPLICATION_ID_OFFSET : APPLICATION_ID_OFFSET + 4])
    for realm, application_id in APPLICATION_IDS.items():
        if stamp == application_id:
            return realm
    return None
