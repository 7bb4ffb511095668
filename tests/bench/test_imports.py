"""The measuring itself: what is imported."""

from __future__ import annotations

from pathlib import Path

from sessions.baileys import dump
from tests.bench.imports import write_dump


def test_the_dump_holds_as_many_phones_and_rows_as_it_says(tmp_path: Path):
    path = tmp_path / "dump.json"
    count = write_dump(path, phones=3, sessions=7)
    phones = list(dump.phones(path))
    assert len({phone.number for phone in phones}) == len(phones) == 3
    assert sum(len(phone.rows) for phone in phones) == count
    for phone in phones:
        sessions = [key for key in phone.rows if key.startswith("session-")]
        assert len(sessions) == 7 + 1  # and the one with the phone itself
