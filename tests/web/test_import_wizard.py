"""Take over from Baileys: from the upload to the phones that start."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from phones.models import AuditEntry, OrganizationPhone, Status
from sessions.auth import uploads
from sessions.models import BaileysAuth, BaileysImportPhone, Wish
from tests.baileys_records.made_up import made_up_phone
from tests.web.uploading import (
    FIRST,
    SECOND,
    damaged_phone,
    dump_of,
    page,
    row,
    steps,
    take,
    upload_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_steward(browse, steward):
    return browse(steward)


def test_from_the_file_to_the_phone_that_starts(as_steward, organization, steward):
    upload = upload_of(
        as_steward, organization, made_up_phone(FIRST), made_up_phone(SECOND)
    )
    assert upload.file_size > 0
    steps(as_steward, upload)
    assert row(upload, FIRST).verdict == "healthy"
    body = as_steward.get(page(upload)).content.decode()
    assert "2 can be taken over" in body
    assert "Signal sessions" in body
    confirm = take(as_steward, upload, FIRST).content.decode()
    assert "Stop Node first" in confirm
    assert FIRST in confirm
    assert SECOND not in confirm
    assert not BaileysAuth.objects.exists()
    take(as_steward, upload, FIRST, stopped="yes")
    steps(as_steward, upload)
    phone = organization.phones.get(phone_number=FIRST)
    assert phone.phone_jid == f"{FIRST}:12@s.whatsapp.net"
    assert phone.wish.desired == Wish.Desired.RUN
    assert phone.wish.changed_by == steward
    assert BaileysAuth.objects.of(phone).exists()
    taken, waits = row(upload, FIRST), row(upload, SECOND)
    assert (taken.outcome, taken.rows, taken.phone) == ("imported", "", phone)
    assert (waits.outcome, bool(waits.rows)) == ("waiting", True)
    body = as_steward.get(page(upload)).content.decode()
    assert f'data-socket="/ws/phones/?ids={phone.pk}"' in body
    assert f'data-slot="phone-{phone.pk}-status"' in body
    assert "1 phone taken over" in body


def test_what_is_stored_is_encrypted_and_never_shown(as_steward, organization):
    source = made_up_phone(FIRST)
    secret = json.loads(dump_of(source))[0]
    assert secret["key"] == "creds"
    noise = json.dumps(secret["value"]).split('\\"data\\": \\"')[-1][:30]
    upload = upload_of(as_steward, organization, source)
    steps(as_steward, upload)
    stored = row(upload, FIRST).rows
    assert stored.startswith("gAAAA")
    assert noise not in as_steward.get(page(upload)).content.decode()


def test_a_broken_phone_says_why_and_offers_a_scan(as_steward, organization):
    upload = upload_of(as_steward, organization, damaged_phone(FIRST))
    steps(as_steward, upload)
    refused = row(upload, FIRST)
    assert (refused.outcome, refused.verdict, refused.rows) == ("refused", "broken", "")
    assert refused.findings[0]["severity"] == "fatal"
    body = as_steward.get(page(upload)).content.decode()
    assert "scan needed" in body
    assert (
        "/admin/phones/organizationphone/add/"
        f"?organization={organization.pk}&amp;phone_number={FIRST}" in body
    )
    assert "Take over…" not in body
    answer = take(as_steward, upload, FIRST, stopped="yes")
    assert answer.status_code == 302
    assert not OrganizationPhone.objects.exists()


def test_the_scan_of_a_broken_phone_that_is_here_is_one_click_away(
    as_steward, organization, phone
):
    upload = upload_of(as_steward, organization, damaged_phone(phone.phone_number))
    steps(as_steward, upload)
    body = as_steward.get(page(upload)).content.decode()
    assert f'href="/admin/phones/organizationphone/{phone.pk}/link/"' in body


def test_a_phone_that_runs_here_is_refused_and_keeps_its_rows(
    as_steward, organization, phone, host
):
    upload = upload_of(as_steward, organization, made_up_phone(phone.phone_number))
    steps(as_steward, upload)
    phone.phone_jid = f"{phone.phone_number}:3@s.whatsapp.net"
    phone.save()
    host.connect(phone)
    take(as_steward, upload, phone.phone_number, stopped="yes")
    steps(as_steward, upload)
    waits = row(upload, phone.phone_number)
    assert waits.outcome == "waiting"
    assert waits.reason
    assert waits.rows
    assert waits.reason in as_steward.get(page(upload)).content.decode()
    assert not BaileysAuth.objects.exists()
    phone.refresh_from_db()
    assert phone.status == Status.CONNECTED


def test_a_reason_against_it_is_told_before_one_chooses(
    as_steward, organization, phone, host
):
    host.connect(phone)
    upload = upload_of(as_steward, organization, made_up_phone(phone.phone_number))
    steps(as_steward, upload)
    waits = row(upload, phone.phone_number)
    assert waits.reason
    body = as_steward.get(page(upload)).content.decode()
    assert f'value="{waits.pk}">' in body, "offered, but not ticked"


def test_taking_over_twice_changes_nothing(as_steward, organization):
    first = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, first)
    take(as_steward, first, FIRST, stopped="yes")
    steps(as_steward, first)
    rows = list(BaileysAuth.objects.values_list("key", "value"))
    second = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, second)
    assert "taken over before" in row(second, FIRST).reason
    take(as_steward, second, FIRST, stopped="yes")
    steps(as_steward, second)
    assert row(second, FIRST).outcome == "imported"
    assert list(BaileysAuth.objects.values_list("key", "value")) == rows


def test_a_second_page_that_asks_for_the_same_step_undoes_nothing(
    as_steward, organization, steward
):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, upload)
    take(as_steward, upload, FIRST, stopped="yes")
    both = [row(upload, FIRST), row(upload, FIRST)]
    for each in both:
        uploads.step(each, steward)
    assert row(upload, FIRST).outcome == "imported"


def test_without_scripts_go_on_does_a_step(as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    body = as_steward.get(page(upload)).content.decode()
    assert 'data-steps="1"' in body
    answer = as_steward.post(f"{page(upload)}step/")
    assert (answer.status_code, answer.url) == (302, page(upload))
    assert 'data-steps="' not in as_steward.get(page(upload)).content.decode()


def test_a_file_that_is_read_twice_over_names_the_number_once(as_steward, organization):
    twice = (made_up_phone(FIRST), made_up_phone(FIRST, organization="2"))
    upload = upload_of(as_steward, organization, *twice, made_up_phone(SECOND))
    assert upload.phones.count() == 2
    body = as_steward.get(page(upload)).content.decode()
    assert f"+{FIRST} is in this file more than once" in body


def test_a_page_opened_midway_shows_how_far_it_is(as_steward, organization, steward):
    numbers = [f"7701000020{at}" for at in range(4)]
    upload = upload_of(as_steward, organization, *map(made_up_phone, numbers))
    uploads.step(row(upload, numbers[0]), steward)
    body = as_steward.get(page(upload)).content.decode()
    assert 'max="4" value="1"' in body
    assert "data-live" not in body
    steps(as_steward, upload)
    take(as_steward, upload, *numbers[:3], stopped="yes")
    uploads.step(row(upload, numbers[1]), steward)
    body = as_steward.get(page(upload)).content.decode()
    assert 'max="3" value="1"' in body
    assert "data-live" in body
    taken = organization.phones.get()
    assert f'data-slot="phone-{taken.pk}-status"' in body


def test_the_lid_map_goes_to_the_phones_that_need_it(as_steward, organization):
    without = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, without)
    missing = row(without, FIRST).summary["missing_lids"]
    assert missing > 0
    assert "missing" in as_steward.get(page(without)).content.decode()
    lids = {f"7701{at:07d}@s.whatsapp.net": f"19990000{at:07d}@lid" for at in range(99)}
    given = SimpleUploadedFile("lids.json", json.dumps(lids).encode())
    upload = upload_of(as_steward, organization, made_up_phone(FIRST), lid_map=given)
    steps(as_steward, upload)
    # Our own number is left: no contact has its LID.
    assert row(upload, FIRST).summary["missing_lids"] == 1


def test_a_fresh_file_warns_that_node_may_still_run(as_steward, organization):
    fresh = made_up_phone(FIRST, updated_at=timezone.now() - timedelta(seconds=20))
    upload = upload_of(as_steward, organization, fresh, made_up_phone(SECOND))
    steps(as_steward, upload)
    warning = "may still run"
    assert warning in take(as_steward, upload, FIRST).content.decode()
    assert warning not in take(as_steward, upload, SECOND).content.decode()


def test_a_whole_server_is_ticked_at_once(as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    BaileysImportPhone.objects.all().delete()
    BaileysImportPhone.objects.bulk_create(
        BaileysImportPhone(
            of=upload, phone_number=f"7701{at:07d}", verdict="healthy", rows="x"
        )
        for at in range(1200)
    )
    ids = list(upload.phones.values_list("pk", flat=True))
    assert as_steward.get(page(upload)).status_code == 200
    address = f"{page(upload)}take/"
    confirm = as_steward.post(address, {"phone": ids})
    assert "1200 phones" in confirm.content.decode()
    as_steward.post(address, {"phone": ids, "stopped": "yes"})
    assert upload.phones.filter(outcome="chosen").count() == 1200


def test_phones_on_their_way_are_watched_first(as_steward, organization, host):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST), made_up_phone())
    steps(as_steward, upload)
    take(as_steward, upload, FIRST, made_up_phone().number, stopped="yes")
    steps(as_steward, upload)
    first, second = organization.phones.order_by("-phone_number")
    host.connect(row(upload, FIRST).phone)
    body = as_steward.get(page(upload)).content.decode()
    assert f"?ids={first.pk},{second.pk}" in body
    assert second.phone_number == FIRST


def test_the_upload_is_in_the_audit(as_steward, organization, steward):
    upload_of(as_steward, organization, made_up_phone(FIRST))
    entry = AuditEntry.objects.get(verb="upload_baileys")
    assert (entry.user, entry.organization) == (steward, organization)
    body = as_steward.get("/admin/phones/auditentry/").content.decode()
    assert "Uploaded Baileys records" in body
