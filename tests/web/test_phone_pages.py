"""The list of phones and the page of one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.admin.story import NEEDS_PERSON, SERVED, Story, told
from phones.models import AuditEntry, OrganizationPhone, Role, Status
from sessions import verbs
from sessions.models import PhoneRequest, SessionFacts
from tests.factories import make_organization, make_phone, make_user

LIST = "/admin/phones/organizationphone/"


def change(phone):
    return f"{LIST}{phone.pk}/change/"


def story_of(phone):
    return Story.of(told(OrganizationPhone.objects.filter(pk=phone.pk)).get())


def shown(client, query=""):
    answer = client.get(LIST + query)
    assert answer.status_code == 200
    return [str(phone) for phone in answer.context["cl"].result_list]


def test_the_list_shows_what_it_is_and_why(browse, operator, phone, host):
    host.report(phone, Status.HELD, linked=True, cause="r1", last_action="sent text")
    body = browse(operator).get(LIST).content.decode()
    for words in ("+77054810862", "Acme", "held", "Another program", "sent text"):
        assert words in body
    assert f'data-slot="phone-{phone.pk}-status"' in body
    assert f'data-socket="/ws/phones/?ids={phone.pk}"' in body


@pytest.mark.parametrize(
    ("language", "phones"), [("en", "Phones: {}"), ("ru", "Номера: {}")]
)
def test_the_footer_counts_in_both_languages(language, phones, browse, operator, phone):
    client = browse(operator)
    client.cookies["django_language"] = language
    assert phones.format(1) in client.get(LIST).content.decode()
    assert phones.format(0) in client.get(LIST + "?q=none").content.decode()


@pytest.mark.parametrize("written", ["+7 705-481 08", "0862", "77054810862"])
def test_a_number_is_found_however_it_is_written(written, browse, operator, phone):
    make_phone(phone.organization, phone_number="4930123456")
    client = browse(operator)
    assert shown(client, "?q=" + written.replace("+", "%2B")) == ["+77054810862"]


def test_the_list_is_filtered_by_status(browse, operator, phone, host):
    other = make_phone(phone.organization)
    host.connect(other)
    assert shown(browse(operator), "?status__exact=connected") == [str(other)]


def test_the_list_is_filtered_by_who_needs_a_person(browse, operator, phone, host):
    host.connect(make_phone(phone.organization))
    host.report(phone, Status.HELD)
    assert shown(browse(operator), "?needs=person") == [str(phone)]


def test_the_organization_filter_offers_only_ones_own(
    browse, operator, phone, stranger
):
    second = make_organization(name="Second of operator")
    second.memberships.create(user=operator)
    make_phone(second)
    body = browse(operator).get(LIST).content.decode()
    assert "Second of operator" in body
    assert "Elsewhere" not in body


def test_the_list_costs_the_same_for_many_phones(
    browse, operator, organization, host, django_assert_max_num_queries
):
    for _ in range(30):
        host.connect(make_phone(organization))
    client = browse(operator)
    with django_assert_max_num_queries(16):
        client.get(LIST)


def test_without_phones_the_next_step_is_said(browse, organization, operator, steward):
    assert "Add phone" in browse(steward).get(LIST).content.decode()
    assert "A steward" in browse(operator).get(LIST).content.decode()


def test_a_filter_that_finds_nothing_is_not_an_empty_fleet(browse, operator, phone):
    body = browse(operator).get(LIST + "?q=999999").content.decode()
    assert "No phone yet" not in body
    assert "No results found" in body


def test_the_page_tells_the_story(browse, steward, phone, host):
    now = timezone.now()
    host.report(
        phone,
        Status.WAITING,
        linked=True,
        cause="b1",
        cause_values={"time": "2026-11-23T02:00:00+00:00"},
        rule="ban",
        next_at=now + timedelta(hours=2),
        attempts=3,
        last_action="sent text",
        received=12,
        sent=3,
    )
    for n in range(12):
        ConnectionMetrics.objects.create(
            phone=phone, event="disconnected", cause="n1", error_code=400 + n
        )
    AuditEntry.objects.record(verb="start", phone=phone, user=steward)
    body = browse(steward).get(change(phone)).content.decode()
    for words in (
        "Temporary ban until 2026-11-23 02:00",
        "Waits for the end of the ban",
        "Next attempt",
        (now + timedelta(hours=2)).isoformat(),
        "12 received, 3 sent",
        "connection dropped",
        "411",
        "402",
        "steward",
    ):
        assert words in body, words
    assert ">401<" not in body  # the tenth and last is 402
    assert f'data-socket="/ws/phones/{phone.pk}/"' in body


def test_an_empty_story_says_what_to_do_next(browse, operator, phone):
    body = browse(operator).get(change(phone)).content.decode()
    assert "press Link and scan the code" in body
    assert "the first event comes with the first code" in body
    assert "This phone was never linked here" in body


def test_requests_and_their_outcomes_are_told(browse, steward, phone, host):
    host.connect(phone)
    request = verbs.unlink(phone, steward)
    request.close(PhoneRequest.Result.FAILED, error="The phone did not connect.")
    verbs.restart(phone, steward)
    late = verbs.clear(phone, steward)
    PhoneRequest.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    body = browse(steward).get(change(phone)).content.decode()
    assert "failed: The phone did not connect." in body
    assert "waiting for a server" in body
    assert "expired: no server took it" in body


def test_a_sent_text_is_shown_to_nobody(browse, steward, phone, host):
    host.connect(phone)
    verbs.send(phone, to="77010000001", text="a private word", user=steward)
    assert "a private word" not in browse(steward).get(change(phone)).content.decode()


@pytest.mark.parametrize(
    ("role", "verb_names"),
    [
        (Role.VIEWER, set()),
        (Role.OPERATOR, {"scan", "link", "start", "restart", "stop", "hold"}),
        (
            Role.STEWARD,
            {"scan", "link", "start", "restart", "stop", "hold", "unlink", "clear"},
        ),
    ],
)
def test_the_buttons_are_those_of_the_role(
    role, verb_names, browse, organization, phone
):
    client = browse(make_user(organization, role))
    buttons = client.get(change(phone)).context["buttons"]
    assert {button["verb"] for button in buttons} == verb_names


OFFERS = {
    Status.NEW: {"link"},
    Status.CONNECTED: {"restart", "stop", "hold", "unlink", "clear"},
    Status.DISCONNECTED: {"restart", "stop", "hold", "unlink", "clear"},
    Status.WAITING: {"restart", "stop", "hold", "unlink", "clear"},
    Status.HELD: {"start", "stop", "unlink", "clear"},
    Status.LOGGED_OUT: {"link", "clear", "stop"},
}


@pytest.mark.parametrize(("status", "offers"), OFFERS.items())
def test_the_buttons_are_those_that_make_sense(status, offers, phone, host):
    linked = status not in (Status.NEW, Status.LOGGED_OUT)
    if status != Status.NEW:
        host.connect(phone)
    host.report(phone, status, linked=linked)
    assert set(story_of(phone).offers) == offers


def test_a_stopped_phone_offers_start(phone, host):
    host.connect(phone)
    verbs.stop(phone)
    assert "start" in story_of(phone).offers
    assert "stop" not in story_of(phone).offers


def test_while_linking_the_code_is_offered_instead_of_a_link(phone, host):
    verbs.link(phone)
    assert "scan" in story_of(phone).offers
    assert "link" not in story_of(phone).offers


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_tone_and_a_sentence(status, phone, host):
    host.report(phone, status)
    story = story_of(phone)
    assert story.tone in {"good", "busy", "warn", "bad", "plain"}
    assert story.sentence.endswith(".")


@pytest.mark.parametrize("status", list(Status))
def test_a_status_without_a_living_server_is_not_believed(status, phone, host):
    host.report(phone, status, linked=True)
    host.die()
    story = story_of(phone)
    assert story.unserved == (status in SERVED)
    if story.unserved:
        assert story.label == "no server"
        assert "run_sessions" in story.sentence
        assert story.next_at is None


def test_a_phone_between_two_servers_says_so(phone, host):
    host.connect(phone)
    phone.lease.host = None
    phone.lease.save()
    assert "one takes it in a minute" in story_of(phone).sentence


def test_a_phone_without_any_facts_has_a_story(phone):
    assert not SessionFacts.objects.exists()
    story = story_of(phone)
    assert story.status == Status.NEW
    assert not story.pending


def test_who_needs_a_person_is_counted_in_the_sidebar(
    browse, operator, phone, host, stranger
):
    foreign = stranger.memberships.get().organization.phones.get()
    host.report(foreign, Status.HELD)
    client = browse(operator)
    sidebar = client.get(LIST).context["sidebar_navigation"]
    phones = next(i for g in sidebar for i in g["items"] if i["title"] == "Phones")
    assert "badge" not in phones
    for status in NEEDS_PERSON:
        host.report(phone, status)
        sidebar = client.get(LIST).context["sidebar_navigation"]
        phones = next(i for g in sidebar for i in g["items"] if i["title"] == "Phones")
        assert phones["badge"] == 1
