"""check_auth: a table for people, an object per phone for programs, 1 when broken."""

from __future__ import annotations

import shutil
import uuid
from contextlib import closing

import pytest

from sessions.auth import central_copy, report
from sessions.auth.keys import ensure_stamp
from sessions.auth.rows import auth_key, encode_row
from sessions.auth.store_file import StoreFile
from sessions.auth.tables import all_rows, read_tables
from sessions.models import AuthReport, BaileysAuth, Host, PhoneLease, PhoneRequest
from tests.auth.conftest import schema as schema
from tests.auth.core import Device
from tests.auth.sound_store import OWN, Sound
from tests.commands.conftest import never
from tests.factories import make_phone


@pytest.fixture
def linked(phone, schema, tmp_path):
    """Its central copy holds a sound device."""
    ensure_stamp()
    return keep(phone, schema, tmp_path)


def keep(phone, schema, tmp_path, damage=""):
    path = tmp_path / f"{phone.pk}.sqlite3"
    shutil.copyfile(schema, path)
    with closing(Sound(path, Device(phone.phone_number))) as core:
        core.fill()
        if damage:
            core.run(damage)
        jid = core.device.jid
    with closing(StoreFile(path)) as store, store.reading() as connection:
        rows = {
            auth_key(table.name, table.key_of(row), jid.encode()): encode_row(
                table.name, row
            )
            for table in read_tables(connection).values()
            for row in all_rows(connection, table)
        }
    central_copy.write(central_copy.encrypted(phone.organization_id, jid, rows))
    phone.phone_jid = jid
    phone.save()
    return phone


BROKEN = "UPDATE whatsmeow_device SET adv_device_sig = zeroblob(64)"


def test_a_sound_copy_is_healthy(run, linked):
    done = run("check_auth", linked.pk, "--json", pause=never)

    (line,) = done.lines
    assert (done.status, line["verdict"], line["findings"]) == (0, "healthy", [])
    assert (line["phone"], line["number"]) == (linked.pk, linked.phone_number)
    assert line["counts"]["pre-key"]["rows"] == 30
    kept = AuthReport.objects.get()
    assert (kept.verdict, kept.highest_prekey, kept.host_name) == ("healthy", 30, "")
    assert not PhoneRequest.objects.exists()


def test_a_broken_one_ends_with_1_and_says_which_check(run, linked, schema, tmp_path):
    other = make_phone(linked.organization, phone_number="4915112345678")
    keep(other, schema, tmp_path, BROKEN)

    done = run("check_auth", "--all", "--json", pause=never)
    first, second = done.lines
    assert (done.status, first["verdict"], second["verdict"]) == (
        1,
        "healthy",
        "broken",
    )
    (finding,) = second["findings"]
    assert (finding["check"], finding["severity"]) == ("w14", "fatal")
    assert "signature of the device" in finding["sentence"]

    done = run("check_auth", "--all", pause=never)
    header, good, bad = done.stdout.splitlines()
    assert (done.status, header.split()[0]) == (1, "phone")
    assert good.split()[2:] == ["healthy", "42", "-"]
    assert "broken" in bad
    assert "w14 The signature of the device" in bad


def test_a_phone_without_keys_has_nothing_to_break(run, phone):
    ensure_stamp()
    done = run("check_auth", phone.pk, "--json", pause=never)
    assert (done.status, done.lines[0]["verdict"]) == (0, "empty")


def test_a_key_that_is_not_in_auth_keys_is_named_once(run, linked):
    BaileysAuth.objects.update(value="gAAAAAB-not-a-token")
    done = run("check_auth", linked.pk, "--json", pause=never)
    assert done.status == 1
    assert [one["check"] for one in done.lines[0]["findings"]] == ["w15"]


def test_the_highest_prekey_is_remembered(run, linked):
    AuthReport.objects.create(phone=linked, verdict="healthy", highest_prekey=812)
    done = run("check_auth", linked.pk, "--json", pause=never)
    (finding,) = done.lines[0]["findings"]
    assert (finding["check"], finding["values"]) == (
        "w27",
        {"highest": 30, "seen": 812},
    )
    assert (done.status, done.lines[0]["verdict"]) == (0, "suspicious")
    assert AuthReport.objects.get().highest_prekey == 812


def test_the_server_that_has_the_phone_checks_its_live_file(run, linked, host):
    fence = PhoneLease.objects.acquire(phone=linked, host_id=host.pk)

    def server(_seconds):
        request = PhoneRequest.objects.get(kind="check")
        assert request.claim(fence.epoch)
        AuthReport.objects.create(
            phone=linked, verdict="suspicious", host_name=host.name
        )
        request.close("done", verdict="suspicious")

    done = run("check_auth", linked.pk, "--json", pause=server)
    assert (done.status, done.lines[0]["server"]) == (0, "server-1")


def test_a_server_that_cannot_read_the_file_says_so(run, linked, host):
    PhoneLease.objects.acquire(phone=linked, host_id=host.pk)

    def server(_seconds):
        PhoneRequest.objects.get().close("failed", error="disk full")

    done = run("check_auth", linked.pk, pause=server)
    assert (done.status, "disk full" in done.stderr) == (1, True)


def test_a_server_that_dies_meanwhile_is_not_waited_for(run, linked):
    other = Host.objects.create(name="server-2", pk=uuid.uuid4())
    PhoneLease.objects.acquire(phone=linked, host_id=other.pk)

    def dies(_seconds):
        PhoneLease.objects.update(host=None)

    done = run("check_auth", linked.pk, "--json", pause=dies)
    assert (done.status, done.lines[0]["verdict"]) == (0, "healthy")
    assert PhoneRequest.objects.get().result == "expired"


@pytest.mark.parametrize("arguments", [(), ("--all", "1")])
def test_it_is_told_which_phones(run, phone, arguments):
    done = run("check_auth", *arguments, pause=never)
    assert (done.status, done.stderr) == (1, "Name phones, or --all.\n")


def test_what_is_stored_is_what_was_found(linked):
    BaileysAuth.objects.filter(key=f"identity-key-{OWN.replace(':', '.')}").delete()
    kept = report.check_phone(linked)
    (finding,) = report.findings_of(kept)
    assert (finding.check, kept.verdict) == ("w31", "suspicious")
    assert report.as_json([finding]) == kept.findings
