"""The quarantine in the admin: who sees it, and who can put what back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Role, Status
from sessions.models import BaileysAuth, PhoneRequest, Quarantine, SessionFacts
from tests.factories import make_phone, make_user

LIST = "/admin/phone_sessions/quarantine/"


def keep(phone, **fields):
    fields = {"logged_out": False, "row_count": 3, **fields}
    return Quarantine.objects.create(
        organization_id=phone.organization_id,
        phone=phone,
        phone_jid=phone.auth_key,
        reason="cleared_by_person",
        purge_at=timezone.now() + timedelta(days=7),
        **fields,
    )


@pytest.fixture
def kept(phone):
    return keep(phone)


def page(kept):
    return f"{LIST}{kept.pk}/change/"


def put_back(kept):
    return f"{LIST}{kept.pk}/put_back/"


def test_an_empty_quarantine_says_what_will_be_in_it(browse, viewer):
    body = browse(viewer).get(LIST).content.decode()
    assert "Nothing is in the quarantine" in body
    assert "7 days" in body


def test_the_list_tells_who_cleared_what_and_why(browse, viewer, steward, phone):
    keep(phone, user=steward)
    body = browse(viewer).get(LIST).content.decode()
    for text in (str(phone), "steward", "cleared by a person", "possible"):
        assert text in body, text


def test_a_number_is_found_as_people_write_it(browse, viewer, kept, organization):
    other = keep(make_phone(organization))
    body = browse(viewer).get(f"{LIST}?q=%2B7 705 481-08-62").content.decode()
    assert page(kept) in body
    assert page(other) not in body


def test_the_filter_leaves_those_that_can_be_used(browse, viewer, phone, kept):
    dead = keep(phone, logged_out=True)
    for value, shown, hidden in (("yes", kept, dead), ("no", dead, kept)):
        body = browse(viewer).get(f"{LIST}?usable={value}").content.decode()
        assert page(shown) in body
        assert page(hidden) not in body


@pytest.mark.parametrize("role", list(Role))
def test_putting_back_is_for_stewards(role, browse, organization, kept):
    client = browse(make_user(organization, role))
    may = role == Role.STEWARD
    body = client.get(page(kept)).content.decode()
    assert "can be put back" in body
    assert (put_back(kept) in body) == may
    assert client.get(put_back(kept)).status_code == (200 if may else 403)
    assert client.post(put_back(kept)).status_code == (302 if may else 403)
    assert PhoneRequest.objects.filter(kind="put_back").exists() == may
    assert AuditEntry.objects.filter(verb="put_back").exists() == may


def test_a_get_puts_nothing_back(browse, steward, kept):
    body = browse(steward).get(put_back(kept)).content.decode()
    assert "removed on the phone meanwhile" in body
    assert not PhoneRequest.objects.exists()


def test_the_keys_are_asked_for_by_name(browse, steward, phone, kept):
    keep(phone)
    answer = browse(steward).post(put_back(kept), follow=True)
    assert "Asked to put the keys back" in answer.content.decode()
    request = PhoneRequest.objects.get()
    assert (request.payload, request.requested_by) == ({"quarantine": kept.pk}, steward)


def logged_out(kept):
    Quarantine.objects.filter(pk=kept.pk).update(logged_out=True)


def removed(kept):
    Quarantine.objects.filter(pk=kept.pk).update(phone=None)


def linked(kept):
    SessionFacts.objects.create(phone=kept.phone, linked=True)


def has_rows(kept):
    phone = kept.phone
    BaileysAuth.objects.create(
        organization_id=phone.organization_id, phone_jid=phone.auth_key, key="creds"
    )


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (logged_out, "WhatsApp has ended this device"),
        (removed, "is gone"),
        (linked, "has keys already"),
        (has_rows, "has keys already"),
    ],
)
def test_keys_that_cannot_be_used_again_say_why(
    happened, words, browse, steward, phone, kept
):
    happened(kept)
    client = browse(steward)
    body = client.get(page(kept)).content.decode()
    assert words in body
    assert put_back(kept) not in body
    confirmation = client.get(put_back(kept)).content.decode()
    assert words in confirmation
    assert "autofocus" not in confirmation
    answer = client.post(put_back(kept), follow=True)
    (message,) = answer.context["messages"]
    assert message.level_tag == "error"
    assert words in str(message)
    assert not PhoneRequest.objects.exists()


def test_nobody_changes_a_row_by_hand(browse, superuser, kept):
    client = browse(superuser)
    body = client.get(page(kept)).content.decode()
    assert 'name="_save"' not in body
    assert client.post(page(kept), {"reason": "x"}).status_code == 403
    assert client.post(f"{LIST}{kept.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Quarantine.objects.get().reason == "cleared_by_person"


def test_foreign_keys_do_not_exist(browse, stranger, kept):
    client = browse(stranger)
    assert page(kept) not in client.get(LIST).content.decode()
    assert client.get(page(kept)).status_code == 302  # the admin's answer to no row
    assert client.post(put_back(kept)).status_code == 404
    assert not PhoneRequest.objects.exists()


def test_the_sidebar_leads_there(browse, viewer, phone):
    assert f'href="{LIST}"' in browse(viewer).get("/admin/").content.decode()


def test_the_phone_is_told_of_a_request_to_put_back(browse, steward, host, kept, phone):
    host.report(phone, Status.LOGGED_OUT, linked=False)
    answer = browse(steward).post(put_back(kept), follow=True)
    assert "put keys back" in answer.content.decode()  # among the phone's requests
