"""Where a phone's files live in DATA_DIR (mode 0700, plaintext store files)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class PhonePaths:
    """store: the whatsmeow SQLite file. lock: held by the session process.

    errors: what the session process and its Go library wrote to stderr.
    """

    store: Path
    lock: Path
    errors: Path

    @classmethod
    def of(cls, phone_id: int, directory: Path | None = None) -> PhonePaths:
        stores = (directory or settings.DATA_DIR) / "stores"
        stores.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = f"phone-{phone_id}"
        return cls(
            store=stores / f"{stem}.sqlite3",
            lock=stores / f"{stem}.lock",
            errors=stores / f"{stem}.stderr",
        )

    def remove_store(self) -> None:
        """Delete the store file and its WAL; only while no session process runs."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            self.store.with_name(self.store.name + suffix).unlink(missing_ok=True)
