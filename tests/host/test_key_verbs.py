"""What a person asks about keys: the requests, their traces, and the refusals."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Status
from sessions import verbs
from sessions.auth.keys import fernet
from sessions.auth.rows import DEVICE, Text, encode_row
from sessions.models import (
    BaileysAuth,
    Pairing,
    PhoneRequest,
    Quarantine,
    SessionFacts,
    Wish,
)
from tests.factories import make_organization, make_phone

pytestmark = pytest.mark.django_db
Kind = PhoneRequest.Kind


def keep(phone, **fields):
    return Quarantine.objects.create(
        **{
            "organization_id": phone.organization_id,
            "phone": phone,
            "phone_jid": phone.auth_key,
            "reason": "cleared_by_person",
            "logged_out": False,
            "purge_at": timezone.now() + timedelta(days=7),
            "rows": "",
        }
        | fields
    )


def traces(phone):
    return [*AuditEntry.objects.filter(phone=phone).values_list("verb", "detail")]


def test_a_clear_that_waits_is_joined_and_both_clicks_leave_a_trace(phone, steward):
    first, second = verbs.clear(phone, steward), verbs.clear(phone)
    assert first.pk == second.pk
    assert traces(phone) == [("clear", {"request": first.pk})] * 2
    # The plain clear is not held back by one that waits for WhatsApp.
    with_logout = verbs.clear(phone, log_out=True)
    assert (with_logout.pk != first.pk, with_logout.payload) == (
        True,
        {"log_out": True},
    )
    assert verbs.clear(phone, log_out=True).pk == with_logout.pk
    PhoneRequest.objects.filter(kind=Kind.CLEAR).update(done_at=timezone.now())
    assert verbs.clear(phone).pk not in {first.pk, with_logout.pk}


def test_several_phones_are_cleared_by_a_request_each(organization, steward):
    phones = [make_phone(organization), make_phone(make_organization())]
    requests = verbs.clear_many(phones, steward, log_out=True)
    assert [request.phone for request in requests] == phones
    assert {request.requested_by for request in requests} == {steward}
    assert {request.kind for request in requests} == {Kind.CLEAR}
    assert all(request.payload == {"log_out": True} for request in requests)
    assert AuditEntry.objects.filter(verb="clear", user=steward).count() == 2


def test_keys_of_a_phone_without_keys_can_be_put_back(phone, steward):
    kept = keep(phone)
    assert verbs.why_not_put_back(kept) == ""
    request = verbs.put_back(kept, steward)
    assert (request.kind, request.payload) == (Kind.PUT_BACK, {"quarantine": kept.pk})
    assert traces(phone) == [("put_back", {"request": request.pk})]


def refusal_after(case, phone):
    kept = keep(phone)
    match case:
        case "logged out":
            kept.logged_out = True
        case "linked":
            SessionFacts.objects.create(phone=phone, linked=True)
        case "rows":
            BaileysAuth.objects.create(
                organization_id=phone.organization_id,
                phone_jid=phone.auth_key,
                key="creds",
                value="",
            )
        case "pairing":
            Pairing.objects.create(phone=phone, expires_at=timezone.now())
        case "elsewhere":
            other = make_phone(phone_number=phone.phone_number, status=Status.CONNECTED)
            Wish.objects.create(phone=other, desired=Wish.Desired.RUN)
        case "gone":
            kept.phone = None
    return kept


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("logged out", "has ended this device"),
        ("linked", "has keys already"),
        ("rows", "has keys already"),
        ("pairing", "link is in progress"),
        ("elsewhere", "run elsewhere"),
        ("gone", "is gone"),
    ],
)
def test_keys_that_may_not_be_used_again_are_refused_with_the_reason(
    phone, case, words
):
    kept = refusal_after(case, phone)
    assert words in verbs.why_not_put_back(kept)
    with pytest.raises(verbs.VerbRefused, match=words):
        verbs.put_back(kept)
    assert not PhoneRequest.objects.exists()


def kept_device(phone, jid: str) -> Quarantine:
    creds = fernet().encrypt(encode_row(DEVICE, {"jid": Text(jid.encode())}))
    rows = fernet().encrypt(json.dumps({"creds": creds.decode()}).encode())
    return keep(phone, rows=rows.decode())


def test_an_old_state_of_a_device_that_came_back_since_is_not_put_back(phone):
    """It was cleared, imported anew, used, and cleared again."""
    jid = f"{phone.phone_number}:3@s.whatsapp.net"
    old = kept_device(phone, jid)
    other = kept_device(phone, jid.replace(":3", ":2"))
    phone.phone_jid = jid
    phone.last_connected_at = timezone.now() + timedelta(seconds=1)
    phone.save()
    newest = keep(phone, rows=old.rows, at=timezone.now() + timedelta(seconds=2))
    assert "an old state" in verbs.why_not_put_back(old)
    assert verbs.why_not_put_back(newest) == ""
    assert verbs.why_not_put_back(other) == ""


def test_a_check_is_a_request_with_its_trace(phone, operator):
    request = verbs.check(phone, operator)
    assert (request.kind, request.requested_by) == (Kind.CHECK, operator)
    assert traces(phone) == [("check", {"request": request.pk})]
