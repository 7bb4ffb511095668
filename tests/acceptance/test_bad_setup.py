"""A setup that lacks what a host needs does not start, and says why in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from sessions.models import PhoneLease
from tests.acceptance.fleet import Fleet
from tests.processes import manage


def sentence(fleet: Fleet, *arguments: str, **environment: str) -> str:
    """What `run_sessions` says when it does not start."""
    env = fleet.environment(fleet.directory / "one") | environment
    done = manage("run_sessions", *arguments, env=env)
    assert done.returncode != 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "host started" not in done.stderr
    return done.stderr


def broken_databases(folder: Path) -> list[str]:
    if connection.vendor == "postgresql":
        return [
            f"postgresql://postgres:@/test_switchboard?host={folder}",
            "postgresql://postgres:@127.0.0.1:1/test_switchboard",
        ]
    garbage = folder / "test-garbage.sqlite3"
    garbage.write_bytes(b"this is no database " * 100)
    (folder / "test-folder.sqlite3").mkdir()
    return [f"sqlite:///{garbage}", f"sqlite:///{folder}/test-folder.sqlite3"]


def test_a_database_that_does_not_answer_is_named(fleet: Fleet, phone, tmp_path: Path):
    for url in broken_databases(tmp_path):
        assert "DATABASE_URL" in sentence(fleet, DATABASE_URL=url)


def test_a_data_dir_that_cannot_be_written_is_named(fleet: Fleet, phone, tmp_path):
    """Root may write everywhere but into what is no directory."""
    file = tmp_path / "file"
    file.write_text("no directory")
    assert "DATA_DIR" in sentence(fleet, DATA_DIR=str(file / "data"))
    assert file.read_text() == "no directory"


def test_a_database_that_was_never_migrated_is_told_apart(fleet: Fleet, tmp_path):
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    if connection.vendor == "postgresql":
        url = fleet.environment(tmp_path)["DATABASE_URL"]
        url = url.replace(f"/{connection.settings_dict['NAME']}", "/postgres")
    real = {"WHATSAPP_REALM": "whatsapp", "HTTPS_PROXY": ""}
    assert "manage.py migrate" in sentence(fleet, DATABASE_URL=url, **real)


@pytest.mark.sqlite
def test_a_capacity_of_none_is_refused(fleet: Fleet):
    assert "--capacity must be at least 1" in sentence(fleet, "--capacity", "0")
    assert not PhoneLease.objects.exists()
