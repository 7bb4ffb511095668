"""Inputs that are broken as a whole: each gets its sentence, and costs no process."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from unittest.mock import Mock

import pytest

from sessions.baileys import buffer_json, dump, folder
from sessions.baileys.row_check import check_rows
from sessions.baileys.source import SourceRefused
from sessions.baileys.spool import Spool
from sessions.baileys.to_whatsmeow import convert
from sessions.policy.auth_findings import Verdict, verdict_of
from tests.baileys_records.damages import DAMAGE, sound
from tests.baileys_records.made_up import NUMBER, made_up_rows
from tests.baileys_records.test_sources import entries
from tests.processes import ROOT

LARGE = 100 << 20  # bytes of the file
GROWTH = 48 << 20  # bytes of memory that reading it may take, above the imports
# Reads a dump, counts its phones, and tells by how much its memory grew at most. The
# kernel's word for it: getrusage would tell the peak of the parent, before the exec.
READER = """
import pathlib, re, sys
from sessions.baileys import dump
status = pathlib.Path("/proc/self/status")
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
before = peak()
print(sum(1 for phone in dump.phones(sys.argv[1])), peak() - before)
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "dump.json"


def refusal(path):
    with pytest.raises(SourceRefused) as refused:
        next(dump.phones(path))
    return str(refused.value)


@pytest.mark.parametrize("content", ["", " \n", "[]", "null", "[ ]\n"])
def test_an_empty_table(file, content):
    file.write_text(content)
    assert "no rows" in refusal(file)


@pytest.mark.parametrize(
    "content",
    [
        "hello",
        " json_agg \n---------\n [{}]\n(1 row)\n",
        "PGDMP\x01\x0e",
        "\x1f\x8b\x08",
        "[{'key': 'creds'}]",
        '[{"key":"creds","value":NaN}]',
        "INSERT INTO",
    ],
)
def test_not_json(file, content):
    file.write_bytes(content.encode("latin-1"))
    assert "not JSON" in refusal(file)


def test_a_download_that_broke_off(file):
    text = json.dumps(entries(NUMBER))
    for size in (1, 20, 400, len(text) // 2, len(text) - 1):
        file.write_text(text[:size])
        assert "ends in the middle" in refusal(file)


@pytest.mark.parametrize(
    "content",
    ["5", '"creds"', "[1, 2]", '["creds"]', "[[{}]]", "[null]", "true", "[" * 4000],
)
def test_json_of_something_else(file, content):
    file.write_text(content)
    assert "not rows" in refusal(file)


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000])
def test_nesting_does_not_cost_memory(file, nested):
    file.write_text('[{"key":"creds","value":' + nested)
    assert "not rows" in refusal(file)


def test_a_row_without_an_end_does_not_cost_memory(file):
    file.write_text('[{"key":"creds","value":"' + "A" * (dump.LARGEST + dump.CHUNK))
    assert "too large" in refusal(file)


def test_a_file_that_is_not_there(file):
    assert "No such file" in refusal(file)


def test_a_temporary_folder_that_is_full(file, monkeypatch):
    file.write_text(json.dumps(entries(NUMBER)))
    error = sqlite3.OperationalError("database or disk is full")
    monkeypatch.setattr(Spool, "add", Mock(side_effect=error))
    assert "disk is full" in refusal(file)


def test_another_table(file):
    file.write_text(json.dumps([{"id": 1, "email": "a@example.com", "secret": "x"}]))
    said = refusal(file)
    assert "BaileysAuth" in said and "email, id, secret" in said


def test_a_table_of_another_app_that_has_keys_and_values(file):
    file.write_text(json.dumps([{"key": "theme", "value": "dark"}]))
    assert "has a key of Baileys" in refusal(file)


def test_a_folder_that_is_none(tmp_path):
    for path, said in (
        (tmp_path, "no files of Baileys"),
        (tmp_path / "missing", "not a folder"),
    ):
        with pytest.raises(SourceRefused, match=said):
            next(folder.phones(path))


# -- one phone of it -------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [one for them in DAMAGE.values() for one in them],
    ids=lambda one: one.__name__,
)
def test_each_damage_is_seen_in_a_dump(file, damage):
    phone = sound()
    damage(phone)
    texts = {key: buffer_json.dumps(value) for key, value in phone.rows.items()}
    texts |= dict.fromkeys(phone.unreadable, '{"cut":')
    rows = [
        {"phoneJid": phone.number, "key": key, "value": text}
        | ({"updatedAt": str(phone.updated[key])} if key in phone.updated else {})
        for key, text in texts.items()
    ]
    file.write_text(json.dumps(rows))
    (read,) = dump.phones(file)
    assert check_rows(read) == check_rows(phone) != []
    if verdict_of(check_rows(read)) is not Verdict.BROKEN:
        assert convert(read, lid_map={}).rows


def test_truncated_creds_cost_that_phone_alone(file):
    rows = entries(NUMBER)
    rows[0]["value"] = rows[0]["value"][:-40]
    file.write_text(json.dumps(rows + entries("4915112345678")))
    broken, whole = dump.phones(file)
    assert (broken.number, broken.jid) == (NUMBER, "")
    assert broken.unreadable == {"creds": "not JSON, or cut off"}
    assert [finding.check for finding in check_rows(broken)] == ["b02"]
    assert verdict_of(check_rows(whole)) is not Verdict.BROKEN


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON, or cut off"),
        (b'{"private":{"type":"Buf', "not JSON, or cut off"),
        (b"\x00" * 512, "not JSON, or cut off"),  # what a power cut leaves
        (b"\xff\xfe\xfa", "not JSON, or cut off"),
        (b'{"private":{"type":"Buffer","data":"*"}}', "not base64"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_damaged_file_costs_its_row_alone(tmp_path, content, why):
    target = tmp_path / "auth"
    folder.write(target, made_up_rows(NUMBER))
    (target / "pre-key-2.json").write_bytes(content)
    (phone,) = folder.phones(target)
    assert phone.unreadable == {"pre-key-2": why}
    assert [finding.check for finding in check_rows(phone)] == ["b27"]


def test_a_folder_without_creds_is_known_by_its_name(tmp_path):
    target = tmp_path / "auth_kiosk"
    folder.write(target, made_up_rows(NUMBER))
    (target / "creds.json").write_bytes(b"{")
    (phone,) = folder.phones(target)
    assert (phone.number, phone.jid) == ("auth_kiosk", "")
    assert [finding.check for finding in check_rows(phone)] == ["b02"]


def test_a_large_dump_is_read_in_little_memory(file):
    """Of many phones, mixed, so that none of them is whole before the end."""
    numbers = [f"7705{at:07d}" for at in range(200)]
    value = json.dumps({"type": "Buffer", "data": "QUFB" * 16_000})
    with file.open("w") as out:
        out.write("[")
        written = 0
        while written < LARGE:
            for number in numbers:
                row = {
                    "phoneJid": number,
                    "key": f"sender-key-{written}",
                    "value": value,
                }
                written += out.write(json.dumps(row) + ",")
        out.write('{"phoneJid": "7705", "key": "creds", "value": "{}"}]')
    done = subprocess.run(
        [sys.executable, "-c", READER, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    phones, growth = map(int, done.stdout.split())
    file.unlink()
    assert phones == len(numbers) + 1
    assert growth < GROWTH
