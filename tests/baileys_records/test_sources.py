"""Dumps and folders: the rows come out as they went in, phone by phone."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.baileys import buffer_json, dump, folder
from sessions.baileys.source import SourceRefused, bare, decoded
from tests.baileys_records.made_up import made_up_rows

FIRST, SECOND = "77054810862", "4915112345678"
AT = "2026-03-01T10:30:00.250"


def entries(number: str, organization: object = 7, **values: object) -> list[dict]:
    """Rows as json_agg writes those of the table."""
    rows = made_up_rows(number, sessions=3, prekeys=4, **values)
    return [
        {
            "organizationId": organization,
            "phoneJid": number,
            "key": key,
            "value": buffer_json.dumps(value),
            "createdAt": AT,
            "updatedAt": AT,
        }
        for key, value in rows.items()
    ]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "dump.json"


def read_one(path):
    (phone,) = dump.phones(path)
    return phone


def test_a_dump_gives_each_phone_with_its_rows(file):
    file.write_text(json.dumps(entries(FIRST) + entries(SECOND, 8)))
    first, second = dump.phones(file)
    assert (first.organization, first.number) == ("7", FIRST)
    assert (second.organization, second.number) == ("8", SECOND)
    assert first.jid == f"{FIRST}:12@s.whatsapp.net"
    assert first.rows == made_up_rows(FIRST, sessions=3, prekeys=4)
    assert second.rows == made_up_rows(SECOND, sessions=3, prekeys=4)
    assert not first.unreadable
    moment = datetime(2026, 3, 1, 10, 30, 0, 250_000, tzinfo=UTC)
    assert set(first.updated.values()) == {moment}


def test_rows_of_phones_may_be_mixed(file):
    both = zip(entries(FIRST), entries(SECOND), strict=True)
    file.write_text(json.dumps([row for pair in both for row in pair]))
    phones = {phone.number: phone.rows for phone in dump.phones(file)}
    assert phones[FIRST] == made_up_rows(FIRST, sessions=3, prekeys=4)
    assert phones[SECOND] == made_up_rows(SECOND, sessions=3, prekeys=4)


def test_one_number_in_two_organizations_is_two_phones(file):
    file.write_text(json.dumps(entries(FIRST, 7) + entries(FIRST, 8)))
    assert [phone.organization for phone in dump.phones(file)] == ["7", "8"]


def test_rows_of_one_phone_need_no_owner(file):
    short = [{"key": row["key"], "value": row["value"]} for row in entries(FIRST)]
    file.write_text(json.dumps(short))
    phone = read_one(file)
    assert (phone.organization, phone.number, phone.updated) == ("", FIRST, {})


def test_a_dump_may_have_a_row_per_line(file):
    file.write_text("\n".join(json.dumps(row) for row in entries(FIRST)))
    assert read_one(file).rows == made_up_rows(FIRST, sessions=3, prekeys=4)


def test_values_may_be_json_instead_of_text(file):
    """A column of the type json, and one of that type that was written as text."""
    rows = entries(FIRST)
    for place, row in enumerate(rows):
        value = json.loads(row["value"])
        row["value"] = value if place % 2 else json.dumps(json.dumps(value))
    file.write_text(json.dumps(rows))
    assert read_one(file).rows == made_up_rows(FIRST, sessions=3, prekeys=4)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_dump_of_windows_is_read(file, encoding):
    file.write_bytes(json.dumps(entries(FIRST)).encode(encoding))
    assert read_one(file).rows == made_up_rows(FIRST, sessions=3, prekeys=4)


def test_of_two_rows_with_one_key_the_newer_counts(file):
    rows = entries(FIRST)
    older = rows[0] | {"value": "{}", "updatedAt": "2026-03-01T10:29:00+00:00"}
    file.write_text(json.dumps([*rows, older]))
    assert read_one(file).jid


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01T10:30:00Z", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("2026-03-01 13:30:00+03", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        (1_772_361_000_000, datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("yesterday", None),
        (1e300, None),
        (None, None),
    ],
)
def test_times_are_read_in_their_forms(file, written, moment):
    rows = [row | {"updatedAt": written} for row in entries(FIRST)]
    file.write_text(json.dumps(rows))
    assert read_one(file).updated.get("creds") == moment


@pytest.mark.parametrize("jid", [f"{FIRST}:12@s.whatsapp.net", f"+{FIRST}", "main"])
def test_a_phone_is_known_by_its_number(file, jid):
    rows = [row | {"phoneJid": jid} for row in entries(FIRST)]
    file.write_text(json.dumps(rows))
    assert read_one(file).number == FIRST


def test_null_is_no_row(file):
    rows = entries(FIRST)
    rows.append(rows[0] | {"key": "pre-key-900", "value": "null"})
    rows.append(rows[0] | {"key": "pre-key-901", "value": None})
    file.write_text(json.dumps(rows))
    phone = read_one(file)
    assert not {"pre-key-900", "pre-key-901"} & {*phone.rows, *phone.unreadable}


def test_a_written_dump_reads_the_same_and_is_private(file):
    rows = made_up_rows(FIRST)
    dump.write(file, 7, f"{FIRST}:12@s.whatsapp.net", rows)
    phone = read_one(file)
    assert (phone.organization, phone.number, phone.rows) == ("7", FIRST, rows)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


# -- folders ---------------------------------------------------------------------------


def test_a_written_folder_reads_the_same_and_is_private(tmp_path):
    rows = made_up_rows(FIRST, app_state_keys=3, app_state_versions=3)
    target = tmp_path / "auth"
    folder.write(target, rows)
    (phone,) = folder.phones(target)
    assert (phone.organization, phone.number, phone.rows) == ("", FIRST, rows)
    assert set(phone.updated) == set(rows)
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in target.iterdir()} == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["auth"]


def test_a_folder_of_folders_is_several_phones(tmp_path):
    for number in (FIRST, SECOND):
        folder.write(tmp_path / f"auth_{number}", made_up_rows(number, sessions=2))
    (tmp_path / "notes").mkdir()
    assert {phone.number for phone in folder.phones(tmp_path)} == {FIRST, SECOND}


def test_files_of_others_are_left_alone(tmp_path):
    folder.write(tmp_path / "auth", made_up_rows(FIRST))
    for name in ("package.json", "creds.json.bak", ".DS_Store"):
        (tmp_path / "auth" / name).write_text("{}")
    (phone,) = folder.phones(tmp_path)
    assert phone.rows == made_up_rows(FIRST)


def test_a_folder_in_use_is_not_written_into(tmp_path):
    (tmp_path / "creds.json").write_text("{}")
    with pytest.raises(FileExistsError):
        folder.write(tmp_path, made_up_rows(FIRST))
    assert [path.name for path in tmp_path.iterdir()] == ["creds.json"]


def test_an_empty_folder_may_be_written_into(tmp_path):
    target = tmp_path / "auth"
    target.mkdir()
    folder.write(target, made_up_rows(FIRST))
    assert (target / "creds.json").exists()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("creds", "creds.json"),
        ("session-77054810862.0", "session-77054810862.0.json"),
        ("app-state-sync-key-AA/+/w==", "app-state-sync-key-AA__+__w==.json"),
        (
            "app-state-sync-version-regular_low",
            "app-state-sync-version-regular_low.json",
        ),
        (
            "sender-key-1203-99@g.us::7705::12",
            "sender-key-1203-99@g.us--7705--12.json",
        ),
        ("sender-key-memory-1203-99@g.us", "sender-key-memory-1203-99@g.us.json"),
    ],
)
def test_keys_and_file_names_are_one_to_one(key, name):
    assert folder.file_name(key) == name
    assert folder.key_of(name) == key


# -- anything --------------------------------------------------------------------------

ROW = st.fixed_dictionaries(
    {"key": st.text() | st.just("creds"), "value": st.text() | st.integers()},
    optional={
        "organizationId": st.integers() | st.text(),
        "phoneJid": st.text() | st.none(),
        "updatedAt": st.text() | st.integers() | st.floats(allow_nan=False),
    },
)


@given(content=st.binary() | st.lists(ROW).map(lambda rows: json.dumps(rows).encode()))
def test_no_file_does_more_than_be_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_bytes(content)
    try:
        assert all(phone.rows or phone.unreadable for phone in dump.phones(file))
    except SourceRefused as refusal:
        assert str(refusal)


def test_the_bare_key_is_the_jid_up_to_its_device():
    assert bare("77054810862:12@s.whatsapp.net") == "77054810862"
    assert decoded('"{}"') == {}
