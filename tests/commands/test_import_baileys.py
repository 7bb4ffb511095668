from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Organization, OrganizationPhone, Status
from sessions import verbs
from sessions.baileys import folder
from sessions.models import BaileysAuth, Pairing, PhoneLease, SessionFacts, Wish
from sessions.models.clock import clock_plus
from tests.commands.baileys_sources import (
    FIRST,
    SECOND,
    THIRD,
    damaged,
    everything,
    facts_of,
    jid_of,
    keys_of,
    phone_of,
    rows_of,
    write_dump,
)
from tests.factories import make_organization, make_phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def one(tmp_path):
    """A dump of one phone."""
    return write_dump(tmp_path / "one.json", (FIRST, rows_of(FIRST), "1"))


@pytest.fixture
def three(tmp_path):
    """Of the second the device's own keys are damaged."""
    return write_dump(
        tmp_path / "three.json",
        (FIRST, rows_of(FIRST), "1"),
        (SECOND, damaged(rows_of(SECOND)), "1"),
        (THIRD, rows_of(THIRD), "2"),
    )


def test_a_phone_that_was_taken_over_is_for_the_next_host_that_looks(run, one, host):
    from sessions.host.wanted import wanted_phones

    done = run("import_baileys", "--dump", one, "--organization", "Acme")
    assert "as soon as a server runs" in done.stdout
    phone = phone_of(FIRST)
    assert phone.wish.desired == Wish.Desired.RUN
    assert wanted_phones(timezone.now(), host_id=host.pk).get() == phone


def test_phones_are_taken_over_stopped_and_told_how_to_start(run, one):
    done = run("import_baileys", "--dump", one, "--organization", "Acme", "--stopped")
    phone, facts = phone_of(FIRST), facts_of(FIRST)
    assert done.status == 0, done.stderr
    assert f"manage.py start {phone.pk}" in done.stdout
    assert "Node" in done.stderr
    assert phone.organization.name == "Acme"
    assert (phone.status, phone.phone_jid) == (Status.STOPPED, jid_of(FIRST))
    assert (facts.linked, facts.cause) == (True, "imported")
    assert phone.wish.desired == Wish.Desired.STOP
    keys = keys_of(FIRST)
    assert {"creds", "pre-key-1", f"session-{FIRST}.0"} <= keys.keys()
    assert "noise" not in keys["creds"]
    assert phone.lease.auth_sequence == 1
    assert phone.lease.auth_epoch == phone.lease.epoch > 0
    entry = AuditEntry.objects.get(verb="import_baileys")
    assert (entry.phone, entry.detail["rows"]) == (phone, len(keys))
    verbs.start(phone)


def test_no_host_needs_to_look_at_a_phone_that_stays_stopped(run, one, host):
    from sessions.host.wanted import wanted_phones

    run("import_baileys", "--dump", one, "--organization", "Acme", "--stopped")
    now = timezone.now()
    assert not wanted_phones(now, host_id=host.pk).exists()
    verbs.start(phone_of(FIRST))
    assert wanted_phones(now, host_id=host.pk).get() == phone_of(FIRST)


def test_the_second_time_it_says_already_here_and_writes_nothing(run, one):
    arguments = ("import_baileys", "--dump", one, "--organization", "Acme", "--json")
    run(*arguments)
    before = everything()
    done = run(*arguments)
    assert (done.status, done.lines[0]["outcome"]) == (0, "already_here")
    assert everything() == before


def test_a_phone_that_fails_needs_a_scan_and_the_others_go_on(run, three):
    done = run("import_baileys", "--dump", three, "--organization", "Acme", "--json")
    assert done.status == 1
    outcomes = {line["number"]: line["outcome"] for line in done.lines}
    assert outcomes == {FIRST: "take_over", SECOND: "scan_needed", THIRD: "take_over"}
    phone, facts = phone_of(SECOND), facts_of(SECOND)
    assert phone.status == Status.NEW
    assert (facts.linked, facts.cause) == (False, "not_imported")
    (line,) = (line for line in done.lines if not line["ok"])
    assert facts.cause_values["reason"] in line["reason"]
    assert not BaileysAuth.objects.of(phone).exists()
    before = everything()
    again = run("import_baileys", "--dump", three, "--organization", "Acme")
    assert again.status == 1
    assert everything() == before


def test_a_dry_run_tells_all_and_writes_nothing(run, three):
    before = everything()
    done = run("import_baileys", "--dump", three, "--organization", "Acme", "--dry-run")
    assert (done.status, everything()) == (0, before)
    assert not Organization.objects.filter(name="Acme").exists()
    assert "77***62" in done.stdout
    assert not any(number in done.stdout for number in (FIRST, SECOND, THIRD))
    for word in ("carried", "lost", "missing LIDs", "healthy", "broken", "session 5"):
        assert word in done.stdout, word


def test_a_dry_run_as_json_masks_the_contacts(run, one):
    (line,) = run("import_baileys", "--dump", one, "--dry-run", "--json").lines
    assert (line["number"], line["dry_run"], line["ok"]) == (FIRST, True, True)
    assert line["outcome"] == "take_over"
    assert line["missing_lids"] == len(line["missing_lid_numbers"]) > 0
    assert all("***" in number for number in line["missing_lid_numbers"])
    assert line["carried"]["session"] > 0


def test_a_lid_map_leaves_nobody_missing(run, one, tmp_path):
    path = tmp_path / "lids.json"
    pairs = {f"7701{at:07d}@s.whatsapp.net": f"1999888{at:08d}@lid" for at in range(9)}
    path.write_text(json.dumps(pairs))
    arguments = ("import_baileys", "--dump", one, "--dry-run", "--json")
    (line,) = run(*arguments, "--lid-map", path).lines
    (without,) = run(*arguments).lines
    assert line["missing_lids"] < without["missing_lids"]
    path.write_text("[]")
    assert run(*arguments, "--lid-map", path).status == 1


def test_only_the_named_phones_come(run, three):
    done = run(
        "import_baileys", "--dump", three, "--phone", "+49 151 12345678", "--json"
    )
    assert [line["number"] for line in done.lines] == [THIRD]
    assert OrganizationPhone.objects.count() == 1
    missing = run("import_baileys", "--dump", three, "--phone", "+7 701 0000000")
    assert missing.status == 1
    assert "not in the source" in missing.stderr


def test_without_a_name_a_phone_goes_where_its_number_is(run, one):
    make_phone(make_organization(name="Elsewhere"), phone_number=FIRST)
    run("import_baileys", "--dump", one)
    assert phone_of(FIRST).organization.name == "Elsewhere"
    assert phone_of(FIRST).facts.linked


def test_a_folder_of_folders_is_several_phones(run, tmp_path):
    root = tmp_path / "auth"
    root.mkdir()
    for number in (FIRST, THIRD):
        folder.write(root / number, rows_of(number))
    done = run("import_baileys", "--folder", root, "--organization", "Acme")
    assert done.status == 0, done.stderr
    assert {phone.phone_number for phone in OrganizationPhone.objects.all()} == {
        FIRST,
        THIRD,
    }


def test_a_folder_without_a_number_needs_a_scan(run, tmp_path):
    path = tmp_path / "auth"
    folder.write(path, rows_of(FIRST))
    (path / "creds.json").write_text('{"noiseKey": {"priv')
    arguments = ("import_baileys", "--folder", path, "--organization", "Acme", "--json")
    (line,) = run(*arguments).lines
    assert (line["outcome"], line["ok"]) == ("scan_needed", False)
    assert not OrganizationPhone.objects.exists()
    (line,) = run(*arguments, "--phone", FIRST).lines
    assert (line["outcome"], line["number"]) == ("scan_needed", FIRST)
    assert line["reason"]
    assert facts_of(FIRST).cause == "not_imported"


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "end"), ("[]", "empty"), ('[{"id": 1, "name": "x"}]', "BaileysAuth")],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(run, tmp_path, content, said):
    path = tmp_path / "dump.json"
    path.write_text(content)
    done = run("import_baileys", "--dump", path)
    assert done.status == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_refused(run, tmp_path):
    done = run("import_baileys", "--dump", tmp_path / "none.json", "--json")
    assert (done.status, done.lines[0]["ok"]) == (1, False)


# -- phones that are in use here ------------------------------------------------------


def refused(run, path) -> str:
    """Why; nothing was written."""
    before = everything()
    done = run("import_baileys", "--dump", path, "--organization", "Acme", "--json")
    assert everything() == before
    assert (done.status, done.lines[0]["outcome"]) == (1, "refused")
    return str(done.lines[0]["reason"])


def test_a_phone_that_is_linked_as_another_device_is_refused(run, one, phone):
    SessionFacts.objects.create(phone=phone, linked=True)
    assert "another device" in refused(run, one)


def test_a_phone_that_is_being_linked_is_refused(run, one, phone):
    Pairing.objects.create(phone=phone, expires_at=timezone.now() + timedelta(hours=1))
    assert "being linked" in refused(run, one)


def test_a_phone_that_a_server_has_is_refused(run, one, phone, host):
    PhoneLease.objects.create(
        phone=phone, host=host, expires_at=clock_plus(timedelta(seconds=30))
    )
    assert "server" in refused(run, one)


def test_a_number_that_is_linked_elsewhere_is_refused_without_a_name(run, one, phone):
    elsewhere = make_phone(make_organization(name="Secret"), phone_number=FIRST)
    SessionFacts.objects.create(phone=elsewhere, linked=True)
    reason = refused(run, one)
    assert "elsewhere" in reason
    assert "Secret" not in reason


def test_a_device_that_whatsapp_has_ended_is_refused(run, one, phone):
    OrganizationPhone.objects.update(phone_jid=jid_of(FIRST), status=Status.LOGGED_OUT)
    SessionFacts.objects.create(phone=phone, cause="u1")
    assert "ended this device" in refused(run, one)


def test_keys_are_never_replaced_by_their_former_state(run, one, phone):
    used = timezone.now() + timedelta(hours=1)
    OrganizationPhone.objects.update(phone_jid=jid_of(FIRST), last_connected_at=used)
    SessionFacts.objects.create(phone=phone, cause="cleared_by_person")
    assert "read them anew" in refused(run, one)


def test_a_phone_that_was_cleared_may_come_as_a_new_device(run, one, phone):
    OrganizationPhone.objects.update(phone_jid=jid_of(FIRST, device=3))
    SessionFacts.objects.create(phone=phone, cause="u1")
    Wish.objects.create(phone=phone, desired=Wish.Desired.RUN)
    done = run("import_baileys", "--dump", one, "--organization", "Acme")
    phone.refresh_from_db()
    assert done.status == 0
    assert phone.phone_jid == jid_of(FIRST)
    assert phone.wish.desired == Wish.Desired.RUN
