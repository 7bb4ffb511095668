"""Verbs in the admin: by role, behind a confirmation, by POST only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.admin.wording import VERBS
from phones.models import AuditEntry, OrganizationPhone, Role, Status
from phones.models.organization import ROLE_RANK
from sessions import verbs
from sessions.models import Pairing, PhoneRequest, SessionFacts, Wish
from tests.factories import make_organization, make_phone, make_user

LIST = "/admin/phones/organizationphone/"


def url(phone, verb):
    return f"/admin/phones/organizationphone/{phone.pk}/{verb}/"


def linked(phone, host):
    host.connect(phone)
    return phone


def may(role, verb):
    return ROLE_RANK[role] >= ROLE_RANK[verbs.LEAST_ROLE[verb]]


def test_every_verb_of_a_phone_has_its_words():
    elsewhere = {"send", "check", "put_back"}  # on pages of their own
    assert set(VERBS) == set(verbs.LEAST_ROLE) - elsewhere


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", list(Role))
def test_a_verb_is_for_its_role_and_above(
    verb, role, browse, organization, phone, host
):
    if verb != "link":
        linked(phone, host)
    client = browse(make_user(organization, role))
    before = AuditEntry.objects.count()
    wanted = 200 if may(role, verb) else 403
    assert client.get(url(phone, verb)).status_code == wanted
    assert AuditEntry.objects.count() == before
    answer = client.post(url(phone, verb))
    assert answer.status_code == (302 if may(role, verb) else 403)
    assert AuditEntry.objects.count() - before == (1 if may(role, verb) else 0)


@pytest.mark.parametrize("verb", VERBS)
def test_a_get_changes_nothing(verb, browse, steward, phone, host):
    linked(phone, host)
    before = (Wish.objects.get().generation, AuditEntry.objects.count())
    answer = browse(steward).get(url(phone, verb))
    assert answer.status_code == 200
    assert (Wish.objects.get().generation, AuditEntry.objects.count()) == before
    assert not PhoneRequest.objects.exists()
    assert not Pairing.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
def test_other_methods_are_refused(verb, browse, steward, phone):
    assert browse(steward).put(url(phone, verb)).status_code == 405


@pytest.mark.parametrize("verb", VERBS)
def test_a_post_without_the_token_is_refused(verb, steward, phone):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(steward)
    assert client.post(url(phone, verb)).status_code == 403
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", list(Status))
def test_a_confirmation_says_what_will_happen_in_every_state(
    verb, status, browse, steward, phone, host
):
    host.report(phone, status, linked=status not in (Status.NEW, Status.LOGGED_OUT))
    answer = browse(steward).get(url(phone, verb))
    assert answer.context["lines"]
    assert str(VERBS[verb].question) in answer.content.decode()


@pytest.mark.parametrize("status", [Status.CONNECTED, Status.DISCONNECTED])
def test_unlink_tells_of_a_phone_that_is_offline(status, browse, steward, phone, host):
    host.report(phone, status, linked=True)
    body = browse(steward).get(url(phone, "unlink")).content.decode()
    assert ("30 seconds" in body) == (status == Status.DISCONNECTED)


def test_a_refusal_is_shown_as_an_error(browse, operator, phone):
    answer = browse(operator).post(url(phone, "restart"), follow=True)
    (message,) = answer.context["messages"]
    assert message.level_tag == "error"
    assert "not linked" in str(message)


def test_a_verb_does_what_its_button_says(browse, operator, phone, host):
    linked(phone, host)
    answer = browse(operator).post(url(phone, "stop"), follow=True)
    assert "Asked to stop" in answer.content.decode()
    wish = Wish.objects.get(phone=phone)
    assert (wish.desired, wish.held, wish.changed_by) == ("stop", False, operator)


def test_link_leads_to_the_qr_page(browse, operator, phone):
    answer = browse(operator).post(url(phone, "link"))
    assert answer["Location"] == url(phone, "qr")
    assert Pairing.objects.get().requested_by == operator


def test_a_second_link_joins_the_first(browse, operator, steward, phone):
    browse(operator).post(url(phone, "link"))
    browse(steward).post(url(phone, "link"))
    assert Pairing.objects.get().requested_by == operator


def test_a_refused_account_is_linked_again_only_when_a_person_confirms(
    browse, operator, phone
):
    SessionFacts.objects.create(phone=phone, link_needs_confirmation=True, cause="u3")
    client = browse(operator)
    assert 'name="confirmed"' in client.get(url(phone, "link")).content.decode()
    client.post(url(phone, "link"))
    assert not Pairing.objects.exists()
    client.post(url(phone, "link"), {"confirmed": "yes"})
    assert Pairing.objects.exists()


def test_a_shut_link_says_until_when(browse, operator, phone):
    until = timezone.now() + timedelta(minutes=30)
    SessionFacts.objects.create(phone=phone, link_shut_until=until, cause="u5")
    answer = browse(operator).post(url(phone, "link"), follow=True)
    assert "try after" in answer.content.decode()
    assert not Pairing.objects.exists()


# Several phones at once


def choose(client, action, phones, **extra):
    data = {"action": action, "_selected_action": [phone.pk for phone in phones]}
    return client.post(LIST, {**data, **extra}, follow=True)


def test_several_phones_are_stopped_behind_one_confirmation(
    browse, operator, organization, host
):
    phones = [linked(make_phone(organization), host) for _ in range(3)]
    client = browse(operator)
    answer = choose(client, "stop_several", phones)
    assert all(str(phone) in answer.content.decode() for phone in phones)
    assert not Wish.objects.filter(desired="stop").exists()
    answer = choose(client, "stop_several", phones, confirmed="yes")
    assert "3 phones asked" in answer.content.decode()
    assert Wish.objects.filter(desired="stop").count() == 3


@pytest.mark.parametrize("forged", ["9" * 30, "-" + "9" * 30, "abc", "1.5", ""])
def test_a_forged_id_among_the_chosen_is_no_fault_of_ours(
    forged, browse, operator, organization, host
):
    phone = linked(make_phone(organization), host)
    data = {"action": "stop_several", "_selected_action": [phone.pk, forged]}
    answer = browse(operator).post(LIST, {**data, "confirmed": "yes"})
    assert answer.status_code == 404
    assert not Wish.objects.filter(desired="stop").exists()


def test_phones_of_a_lower_role_are_left_out(browse, operator, organization, host):
    other = make_organization(name="Where operator only views")
    other.memberships.create(user=operator, role=Role.VIEWER)
    mine, theirs = (linked(make_phone(org), host) for org in (organization, other))
    client = browse(operator)
    assert "left out" in choose(client, "stop_several", [mine, theirs]).content.decode()
    choose(client, "stop_several", [mine, theirs], confirmed="yes")
    assert [wish.phone for wish in Wish.objects.filter(desired="stop")] == [mine]


def test_what_is_refused_among_several_is_said(browse, operator, organization, host):
    good = linked(make_phone(organization), host)
    new = make_phone(organization)
    answer = choose(browse(operator), "restart_several", [good, new], confirmed="yes")
    levels = {message.level_tag: str(message) for message in answer.context["messages"]}
    assert "1 phone asked" in levels["success"]
    assert str(new) in levels["error"]


def test_a_viewer_has_no_actions(browse, viewer, phone):
    answer = browse(viewer).get(LIST)
    assert not answer.context["cl"].model_admin.get_actions(answer.wsgi_request)
    assert "start_several" not in answer.content.decode()


def test_phones_are_never_deleted_in_bulk(browse, superuser, phone):
    choose(browse(superuser), "delete_selected", [phone], post="yes")
    assert OrganizationPhone.objects.exists()
