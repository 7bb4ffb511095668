"""Whatever a person uploads to the wizard: a clear sentence, never an error page."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest

from sessions.admin import baileys_import_file, baileys_import_form
from sessions.baileys import buffer_json
from sessions.models import BaileysImport, BaileysImportPhone
from tests.baileys_records.made_up import made_up_phone
from tests.web.uploading import (
    FIRST,
    SECOND,
    START,
    as_upload,
    dump_of,
    page,
    row,
    steps,
    upload_of,
    zip_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_steward(browse, steward):
    return browse(steward)


@pytest.fixture
def send(as_steward, organization):
    """`send(content)`: the answer to this upload."""

    def post(content, name="baileys.json", **extra):
        records = as_upload(content, name)
        data = {"organization": organization.pk, "records": records, **extra}
        return as_steward.post(START, data)

    return post


def zipped(files, **options):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **options)
    return packed.getvalue()


REFUSED = {
    "nothing at all": (b"", "empty"),
    "spaces": (b"  \n ", "no rows"),
    "a text": (b"Dear all, the dump is attached.", "not JSON"),
    "half a dump": (b'[{"key": "creds", "value": "{', "end"),
    "an empty table": (b"[]", "no rows"),
    "null of an empty table": (b"null", "no rows"),
    "a number": (b"42", "not rows"),
    "another app's table": (
        json.dumps([{"id": 1, "title": "Groceries", "price": 3}]).encode(),
        "BaileysAuth",
    ),
    "the same columns of another app": (
        json.dumps([{"key": "theme", "value": '"dark"'}]).encode(),
        "key of Baileys",
    ),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not JSON"),
    "deeply nested": (b"[" * 100_000, "not rows"),
    "an empty zip": (zipped({}), "creds.json"),
    "a zip of something else": (
        zipped({"a/readme.json": "{}", "b/other.json": "[]"}),
        "creds.json",
    ),
    "a zip of one other file": (zipped({"readme.json": '{"a": 1}'}), "BaileysAuth"),
    "a cut zip": (zip_of(made_up_phone(FIRST))[:-2000] + b"PK\x05\x06", "not JSON"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_file_is_one_sentence(send, content, words):
    answer = send(content)
    assert answer.status_code == 200
    (error,) = answer.context["form"].errors["records"]
    assert words in error
    assert not BaileysImport.objects.exists()


@pytest.mark.parametrize("forged", ["9" * 30, "9" * 5000, "abc", ""])
def test_a_forged_id_among_the_ticked_is_not_taken(forged, as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, upload)
    answer = as_steward.post(f"{page(upload)}take/", {"phone": forged}, follow=True)
    assert "Tick at least one phone" in answer.content.decode()


def test_the_field_cannot_be_left_out(as_steward, organization):
    answer = as_steward.post(START, {"organization": organization.pk})
    assert answer.context["form"].errors["records"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b'{"77054810862": 5}',
        b'{"188877766655544@lid": "77054810862@s.whatsapp.net"}',
        b'{"name": "188877766655544"}',
        b'{"a": ' * 50_000,
        "{}".encode("utf-16-le") + b"\xff",
    ],
)
def test_a_wrong_lid_map_is_one_sentence(send, content):
    lids = as_upload(content, "lids.json")
    answer = send(dump_of(made_up_phone(FIRST)), lid_map=lids)
    assert answer.status_code == 200
    assert "LID map" in answer.context["form"].errors["lid_map"][0]
    assert not BaileysImport.objects.exists()


def test_a_file_that_is_too_large_is_not_read(send, monkeypatch):
    monkeypatch.setattr(baileys_import_form, "MOST_BYTES", 1000)
    answer = send(dump_of(made_up_phone(FIRST)))
    assert "larger than" in answer.context["form"].errors["records"][0]


def test_a_zip_of_folders_is_taken(as_steward, organization, send):
    answer = send(zip_of(made_up_phone(FIRST), made_up_phone(SECOND)), "auth.zip")
    upload = BaileysImport.objects.get(pk=int(answer.url.split("/")[-2]))
    steps(as_steward, upload)
    assert {phone.phone_number: phone.verdict for phone in upload.phones.all()} == {
        FIRST: "healthy",
        SECOND: "healthy",
    }


@pytest.mark.parametrize("top", [".", "a/b/c/d"])
def test_folders_may_lie_anywhere_in_the_zip(send, top):
    answer = send(zip_of(made_up_phone(FIRST), top=top.strip(".")), "auth.zip")
    assert answer.status_code == 302
    assert BaileysImportPhone.objects.get().phone_number == FIRST


def test_a_zip_of_a_dump_is_taken(send):
    answer = send(zipped({"baileys.json": dump_of(made_up_phone(FIRST))}), "dump.zip")
    assert answer.status_code == 302
    assert BaileysImportPhone.objects.get().phone_number == FIRST


def test_the_clock_of_the_machine_that_zipped_is_not_believed(send):
    """A zip says local times: hours off, and younger rows would count as leftovers."""
    send(zip_of(made_up_phone(FIRST)), "auth.zip")
    assert BaileysImportPhone.objects.get().summary["newest"] == ""


def test_times_in_utc_are_believed(send):
    phone = made_up_phone(FIRST)
    moment = int(phone.updated["creds"].timestamp())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for key, value in phone.rows.items():
            info = zipfile.ZipInfo(f"a/{key.replace(':', '-')}.json")
            info.extra = struct.pack("<HHBl", 0x5455, 5, 1, moment)
            archive.writestr(info, buffer_json.dumps(value))
    send(packed.getvalue(), "auth.zip")
    newest = BaileysImportPhone.objects.get().summary["newest"]
    assert newest == phone.updated["creds"].isoformat(timespec="seconds")


def bomb(size):
    return zipped({"a/creds.json": b"0" * size})


def test_a_zip_bomb_is_not_unpacked(send, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(baileys_import_file, "MOST_BYTES", 1_000_000)
    answer = send(bomb(30_000_000), "auth.zip")
    assert "holds more than" in answer.context["form"].errors["records"][0]
    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_lies_about_its_sizes_is_not_believed(send, monkeypatch):
    monkeypatch.setattr(baileys_import_file, "MOST_BYTES", 1_000_000)
    packed = bomb(30_000_000)
    claimed = struct.pack("<L", 30_000_000)
    answer = send(packed.replace(claimed, struct.pack("<L", 10)), "auth.zip")
    assert answer.context["form"].errors["records"]
    assert not BaileysImport.objects.exists()


def test_a_zip_of_too_many_files_is_refused(send, monkeypatch):
    monkeypatch.setattr(baileys_import_file, "MOST_FILES", 5)
    answer = send(zip_of(made_up_phone(FIRST)), "auth.zip")
    assert "files" in answer.context["form"].errors["records"][0]


def test_a_zip_writes_nowhere_else(send, monkeypatch, tmp_path):
    inside = tmp_path / "in" / "side"
    inside.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(inside))
    creds = buffer_json.dumps(made_up_phone(FIRST).rows["creds"])
    outside = ("../../creds.json", "/tmp/../creds.json", "..\\..\\creds.json")
    for name in outside:
        send(zipped({name: creds, f"{name}.json": creds}), "auth.zip")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not Path("/creds.json").exists()


def test_a_zip_with_a_password_is_refused(send):
    packed = bytearray(zip_of(made_up_phone(FIRST)))
    with zipfile.ZipFile(io.BytesIO(bytes(packed))) as archive:
        count = len(archive.infolist())
    start = 0
    for _ in range(count):
        start = packed.index(b"PK\x01\x02", start) + 1
        packed[start + 7] |= 1
    answer = send(bytes(packed), "auth.zip")
    assert "password" in answer.context["form"].errors["records"][0]


def test_nothing_unpacked_is_left_behind(send, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert send(zip_of(made_up_phone(FIRST)), "auth.zip").status_code == 302
    assert send(dump_of(made_up_phone(FIRST))).status_code == 302
    assert list(tmp_path.iterdir()) == []


STRANGE = {
    "null": None,
    "a text": "creds",
    "a number": 1e300,
    "a list": [[[]]],
    "a NUL": {"me": {"id": "7701\0:1@s.whatsapp.net"}},
    "half a surrogate pair": {"me": {"id": "\ud800", "name": "\udfff"}},
    "a Buffer that is none": {"type": "Buffer", "data": 5},
}


@pytest.mark.parametrize("creds", STRANGE.values(), ids=STRANGE)
def test_strange_creds_get_their_verdict(as_steward, organization, creds):
    phone = made_up_phone(FIRST)
    phone.rows["creds"] = creds
    upload = upload_of(as_steward, organization, phone)
    steps(as_steward, upload)
    assert row(upload, FIRST).verdict == "broken"
    body = as_steward.get(f"{START}{upload.pk}/").content.decode()
    assert "scan needed" in body


def test_a_number_that_is_none_gets_a_sentence(as_steward, organization):
    phone = made_up_phone(FIRST)
    phone.number = "office<script>"
    phone.rows["creds"]["me"]["id"] = "office:1@s.whatsapp.net"
    upload = upload_of(as_steward, organization, phone)
    steps(as_steward, upload)
    assert upload.phones.get().outcome == "refused"
    body = as_steward.get(f"{START}{upload.pk}/").content.decode()
    assert "<script>" not in body
