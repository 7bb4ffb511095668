from __future__ import annotations

import stat
from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Status
from phones.numbers import bare_key
from sessions import verbs
from sessions.baileys import dump, folder
from sessions.models import BaileysAuth, PhoneLease, Quarantine, SessionFacts, Wish
from sessions.models.clock import clock_plus
from tests.commands.baileys_sources import (
    FIRST,
    SECOND,
    everything,
    facts_of,
    jid_of,
    keys_of,
    phone_of,
    rows_of,
    write_dump,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_directory(monkeypatch, tmp_path):
    """Where a dump goes if no place is given."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def imported(run, tmp_path):
    """A phone that came from Baileys and never ran here; the dump it came from."""
    path = write_dump(tmp_path / "before.json", (FIRST, rows_of(FIRST), "7"))
    run("import_baileys", "--dump", path, "--organization", "Acme", "--stopped")
    return path


def test_it_writes_a_dump_and_holds_the_phone(run, imported, tmp_path):
    path = tmp_path / "back.json"
    done = run("export_baileys", FIRST, "--dump", path, "--json")
    assert done.status == 0, done.stderr
    (line,) = done.lines
    (source,) = dump.phones(path)
    assert source.jid == jid_of(FIRST)
    assert len(source.rows) == line["rows"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sent = rows_of(FIRST)
    for part in ("noiseKey", "signedIdentityKey"):
        assert source.rows["creds"][part] == sent["creds"][part]
    assert f"session-{FIRST}.0" in source.rows
    phone, facts = phone_of(FIRST), facts_of(FIRST)
    assert (phone.status, facts.cause) == (Status.HELD, "exported")
    assert (phone.wish.desired, phone.wish.held) == (Wish.Desired.STOP, True)
    assert facts.seen_generation == phone.wish.generation
    assert AuditEntry.objects.filter(verb="export_baileys", phone=phone).exists()
    assert "must not be started here again" in line["warning"]


def test_it_is_filed_under_the_organization_it_came_from(run, imported, tmp_path):
    run("export_baileys", FIRST, "--dump", "back.json", "--base", imported)
    (source,) = dump.phones(tmp_path / "back.json")
    assert source.organization == "7"
    before = rows_of(FIRST)["creds"]
    assert source.rows["creds"]["lastPropHash"] == before["lastPropHash"]


def test_without_a_place_it_writes_a_dump_named_by_the_number(run, imported, tmp_path):
    done = run("export_baileys", FIRST)
    assert done.status == 0
    assert FIRST not in done.stdout.replace(f"baileys-{FIRST}.json", "")
    assert (tmp_path / f"baileys-{FIRST}.json").exists()


def test_a_folder_of_baileys_is_put_aside(run, imported, tmp_path):
    path = tmp_path / "auth"
    for _ in range(2):
        done = run("export_baileys", FIRST, "--folder", path)
        assert done.status == 0, done.stderr
    (source,) = folder.phones(path)
    assert source.jid == jid_of(FIRST)
    (old,) = tmp_path.glob("auth.old-*")
    assert (old / "creds.json").exists()
    assert str(old) in done.stdout


def test_a_folder_with_other_files_is_left_alone(run, imported, tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    (path / "cat.jpg").touch()
    before = everything()
    done = run("export_baileys", FIRST, "--folder", path)
    assert (done.status, everything()) == (1, before)
    assert [entry.name for entry in path.iterdir()] == ["cat.jpg"]


def refused(run, tmp_path, *arguments) -> str:
    """Why; nothing was written, here or there."""
    before = everything()
    done = run("export_baileys", FIRST, "--dump", tmp_path / "no.json", *arguments)
    assert (done.status, everything()) == (1, before)
    assert not (tmp_path / "no.json").exists()
    return str(done.stderr)


def test_a_phone_that_is_to_run_is_refused_with_the_next_step(run, imported, tmp_path):
    phone = phone_of(FIRST)
    verbs.start(phone)
    assert f"manage.py stop {phone.pk}" in refused(run, tmp_path)


def test_a_phone_without_keys_is_refused(run, imported, tmp_path):
    SessionFacts.objects.update(linked=False)
    assert "not linked" in refused(run, tmp_path)


def test_a_phone_whose_rows_are_gone_is_refused(run, imported, tmp_path):
    BaileysAuth.objects.all().delete()
    assert "no keys" in refused(run, tmp_path)


def test_it_waits_for_a_server_that_lets_the_phone_go(run, imported, tmp_path, host):
    leases = PhoneLease.objects.filter(phone=phone_of(FIRST))
    until = clock_plus(timedelta(seconds=30))
    leases.update(host=host, expires_at=until)
    looks = []

    def let_go(_seconds):
        looks.append(1)
        leases.update(host=None, expires_at=None)

    done = run("export_baileys", FIRST, "--dump", tmp_path / "a.json", pause=let_go)
    assert (done.status, looks) == (0, [1])


def test_a_base_of_another_device_is_refused(run, imported, tmp_path):
    other = write_dump(tmp_path / "other.json", (SECOND, rows_of(SECOND), "7"))
    assert "no records of this device" in refused(run, tmp_path, "--base", other)


def test_a_disk_that_fails_leaves_the_phone_as_it_was(run, imported, tmp_path):
    before = everything()
    done = run("export_baileys", FIRST, "--dump", tmp_path / "none" / "back.json")
    assert (done.status, everything()) == (1, before)
    assert "as it was" in done.stderr


@pytest.mark.parametrize("verb", [verbs.start, verbs.restart])
def test_it_cannot_be_started_until_it_is_imported_again(run, imported, verb):
    run("export_baileys", FIRST)
    before = everything()
    with pytest.raises(verbs.VerbRefused, match="import it again"):
        verb(phone_of(FIRST))
    assert everything() == before
    run("import_baileys", "--dump", f"baileys-{FIRST}.json")
    verb(phone_of(FIRST))


def test_what_was_wiped_after_it_is_not_put_back(run, imported):
    phone = phone_of(FIRST)
    wiped = {"organization_id": phone.organization_id, "phone": phone}
    wiped |= {"logged_out": False, "purge_at": timezone.now(), "rows": ""}
    SessionFacts.objects.update(linked=False)
    BaileysAuth.objects.all().delete()
    before = Quarantine.objects.create(**wiped)
    assert verbs.why_not_put_back(before) == ""
    AuditEntry.objects.record(verb="export_baileys", phone=phone, user=None)
    after = Quarantine.objects.create(**wiped)
    assert "given back" in verbs.why_not_put_back(after)
    assert verbs.why_not_put_back(before) == ""


# -- and back again -------------------------------------------------------------------


def test_what_was_given_back_is_imported_again(run, imported, tmp_path):
    path = tmp_path / "back.json"
    run("export_baileys", FIRST, "--dump", path)
    epoch, keys = phone_of(FIRST).lease.epoch, keys_of(FIRST)
    done = run("import_baileys", "--dump", path, "--organization", "Acme", "--json")
    assert (done.status, done.lines[0]["outcome"]) == (0, "take_over")
    phone, facts = phone_of(FIRST), facts_of(FIRST)
    assert (phone.status, facts.cause) == (Status.STOPPED, "imported")
    assert phone.lease.epoch > epoch
    assert keys_of(FIRST)["creds"] != keys["creds"]
    assert not phone.wish.held


def test_the_first_dump_is_too_old_then(run, imported, tmp_path):
    run("export_baileys", FIRST, "--dump", tmp_path / "back.json")
    later = timezone.now() + timedelta(minutes=5)
    SessionFacts.objects.update(since=later)
    before = everything()
    done = run("import_baileys", "--dump", imported, "--organization", "Acme", "--json")
    assert (done.status, done.lines[0]["outcome"]) == (1, "refused")
    assert everything() == before


def test_a_phone_that_was_started_again_is_ours(run, imported, tmp_path):
    path = tmp_path / "back.json"
    run("export_baileys", FIRST, "--dump", path)
    SessionFacts.objects.update(cause="started")  # what a host writes at a start
    done = run("import_baileys", "--dump", path, "--organization", "Acme", "--json")
    assert done.lines[0]["outcome"] == "already_here"


def test_the_jid_of_the_dump_is_bare(run, imported, tmp_path):
    path = tmp_path / "back.json"
    run("export_baileys", FIRST, "--dump", path)
    assert f'"phoneJid": "{bare_key(FIRST)}"' in path.read_text()
