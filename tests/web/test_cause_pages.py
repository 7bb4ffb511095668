"""The list of causes, the page of each, and the ways that lead there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.admin.story import Story, told
from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import Pairing, PairingState, SessionFacts
from sessions.policy.cause_groups import PARTS, advice
from sessions.policy.causes import CAUSES
from tests.factories import make_organization, make_phone, make_user

LIST = "/admin/causes/"
PHONES = "/admin/phones/organizationphone/"


def listed(answer) -> list[str]:
    return [row.cause.id for _group, rows in answer.context["groups"] for row in rows]


def row_of(answer, cause_id):
    rows = [row for _group, rows in answer.context["groups"] for row in rows]
    return next(row for row in rows if row.cause.id == cause_id)


def lose(phone, cause, event="disconnected", **fields):
    return ConnectionMetrics.objects.create(
        phone=phone, event=event, cause=cause, **fields
    )


@pytest.mark.parametrize("who", ["viewer", "newcomer", "root"])
def test_everybody_who_is_signed_in_reads_all_causes(who, browse, organization, viewer):
    users = {"viewer": viewer, "newcomer": make_user(), "root": None}
    user = users[who] or make_user(username="root", is_superuser=True)
    client = browse(user)
    assert set(listed(client.get(LIST))) == set(CAUSES)
    assert "/admin/causes/" in client.get("/admin/").content.decode()
    for cause_id in CAUSES:
        assert client.get(f"{LIST}{cause_id}/").status_code == 200


def test_a_stranger_must_sign_in(client, db):
    for path in (LIST, f"{LIST}u1/"):
        assert "/login/" in client.get(path)["Location"]


def test_an_unknown_cause_is_no_page(browse, viewer):
    assert browse(viewer).get(f"{LIST}zz/").status_code == 404


@pytest.mark.parametrize(
    ("query", "found", "not_found"),
    [
        ("401", {"u1", "u2", "l1"}, {"n1"}),
        ("500", {"f3", "s4"}, {"u1"}),
        ("badSession", {"s4", "f3"}, {"u1"}),
        ("CONNECTIONREPLACED", {"r1"}, {"u1"}),
        ("passkey", {"q4"}, {"q1"}),
        ("banned number", {"u4"}, {"n1"}),
        ("stopped_long", {"stopped_long"}, {"n1"}),
    ],
)
def test_the_list_is_searched_by_code_name_and_words(
    query, found, not_found, browse, viewer
):
    shown = set(listed(browse(viewer).get(LIST, {"q": query})))
    assert found <= shown
    assert not not_found & shown


def test_a_search_without_a_result_says_what_to_try(browse, viewer):
    body = browse(viewer).get(LIST, {"q": "<zzz>"}).content.decode()
    assert "No cause has these words" in body
    assert "<zzz>" not in body and "&lt;zzz&gt;" in body


def test_a_page_says_all_there_is(browse, viewer):
    body = browse(viewer).get(f"{LIST}r1/").content.decode()
    texts = advice("r1")
    for words in (*(str(title) for _part, title in PARTS), *texts.values()):
        assert words in body
    for words in ("440", "connectionReplaced", "Yes, no scan is needed", "One more"):
        assert words in body


def test_counts_and_phones_are_those_of_the_reader(
    browse, operator, phone, host, stranger
):
    foreign = stranger.memberships.get().organization.phones.get()
    for each in (phone, foreign):
        host.report(each, Status.HELD, linked=True, cause="r1")
        lose(each, "r1", error_code=440)
    lose(phone, "r1", timestamp=timezone.now() - timedelta(days=8))
    lose(phone, "q1", event="qr_expired")
    client = browse(operator)
    answer = client.get(LIST)
    row = row_of(answer, "r1")
    assert (row.now, row.losses, row.events) == (1, 1, 1)
    assert (row_of(answer, "q1").losses, row_of(answer, "q1").events) == (0, 1)
    assert "1 phone now" in answer.content.decode()
    page = client.get(f"{LIST}r1/")
    assert [story.phone for story in page.context["stories"]] == [phone]
    assert len(page.context["events"]) == 2
    assert str(foreign) not in page.content.decode()
    assert f"{PHONES}{phone.pk}/change/" in page.content.decode()


def test_a_warned_phone_is_in_the_cause_of_its_warning(browse, operator, phone, host):
    host.connect(phone)
    SessionFacts.objects.filter(phone=phone).update(warnings={"p1": {"days": 11}})
    client = browse(operator)
    assert row_of(client.get(LIST), "p1").now == 1
    assert client.get(f"{LIST}p1/").context["phone_count"] == 1


def test_without_a_server_all_its_phones_are_in_that_cause(
    browse, operator, phone, host
):
    host.connect(phone)
    client = browse(operator)
    assert row_of(client.get(LIST), "no_host").now == 0
    host.die()
    assert row_of(client.get(LIST), "no_host").now == 1
    assert client.get(f"{LIST}no_host/").context["phone_count"] == 1


def test_the_list_costs_the_same_for_many_phones(
    browse, operator, organization, host, django_assert_max_num_queries
):
    for _ in range(20):
        phone = make_phone(organization)
        host.report(phone, Status.HELD, linked=True, cause="r1")
        lose(phone, "n1")
    client = browse(operator)
    with django_assert_max_num_queries(12):
        client.get(LIST)
    with django_assert_max_num_queries(14):
        client.get(f"{LIST}r1/")


def test_every_mention_of_a_cause_leads_to_its_page(browse, operator, phone, host):
    host.report(phone, Status.HELD, linked=True, cause="r1")
    row = lose(phone, "n1", error_code=428)
    Pairing.objects.create(
        phone=phone,
        state=PairingState.EXPIRED,
        cause="q1",
        expires_at=timezone.now(),
        ended_at=timezone.now(),
    )
    client = browse(operator)
    history = "/admin/metrics/connectionmetrics/"
    for path, cause_ids in (
        (f"{PHONES}{phone.pk}/change/", {"r1", "n1", "q1"}),
        ("/admin/", {"r1", "n1"}),
        (history, {"n1"}),
        (f"{history}{row.pk}/change/", {"n1"}),
    ):
        body = client.get(path).content.decode()
        for cause_id in cause_ids:
            assert f'href="/admin/causes/{cause_id}/"' in body, (path, cause_id)


def test_a_cause_that_the_catalogue_lost_has_no_link(browse, operator, phone, host):
    host.report(phone, Status.HELD, linked=True, cause="gone")
    lose(phone, "gone")
    client = browse(operator)
    for path in ("/admin/", f"{PHONES}{phone.pk}/change/"):
        body = client.get(path).content.decode()
        assert "causes/gone" not in body


@pytest.mark.parametrize("cause", ["q4", "q2", "pairing_interrupted"])
def test_a_failed_linking_says_what_to_do(cause, browse, operator, phone, host):
    pairing = verbs.link(phone, operator)
    Pairing.objects.filter(pk=pairing.pk).update(
        state=PairingState.FAILED, cause=cause, ended_at=timezone.now()
    )
    body = browse(operator).get(f"{PHONES}{phone.pk}/qr/").content.decode()
    assert advice(cause)["you_do"].split("&")[0][:40].replace(">", "&gt;") in body
    assert f'href="/admin/causes/{cause}/"' in body


def test_an_expired_code_tells_about_the_limit_of_four(browse, operator, phone, host):
    pairing = verbs.link(phone, operator)
    Pairing.objects.filter(pk=pairing.pk).update(
        state=PairingState.EXPIRED, cause="q1", ended_at=timezone.now()
    )
    body = browse(operator).get(f"{PHONES}{phone.pk}/qr/").content.decode()
    assert "if four devices are listed, remove one" in body
    assert 'href="/admin/causes/q1/"' in body
    assert "with 4 devices listed" in advice("q1")["you_do"]


def story_of(phone):
    return Story.of(told(OrganizationPhone.objects.filter(pk=phone.pk)).get())


def test_the_phone_says_which_rule_and_when(browse, operator, phone, host):
    at = timezone.now() + timedelta(minutes=20)
    host.report(
        phone, Status.WAITING, linked=True, cause="n1", rule="slow_lane", next_at=at
    )
    body = browse(operator).get(f"{PHONES}{phone.pk}/change/").content.decode()
    assert "Slow lane: one start every 30 min" in body
    assert at.isoformat() in body


def test_a_phone_that_was_given_up_does_not_say_that_it_comes_back(phone, host):
    host.report(phone, Status.HELD, linked=True, cause="l2", rule="crashing")
    assert story_of(phone).sentence == (
        "Held after “process crashed”; press Start to try again."
    )
    assert story_of(phone).rule.startswith("5 crashes within 10 min")
    host.report(phone, Status.HELD, linked=True, cause="f1", rule="hold")
    assert story_of(phone).sentence == (
        "Held after “connection refused”; press Start to try again."
    )
    host.report(phone, Status.HELD, linked=True, cause="vanished", rule="hold")
    assert story_of(phone).sentence.startswith("The session's keys vanished")


@pytest.mark.parametrize(
    ("verb", "status", "cause", "rule"),
    [
        ("restart", Status.WAITING, "b1", "ban"),
        ("restart", Status.WAITING, "flapping", "flapping"),
        ("start", Status.HELD, "r1", "replaced_twice"),
    ],
)
def test_who_starts_too_early_is_told_why_not(
    verb, status, cause, rule, browse, operator, phone, host
):
    client = browse(operator)
    url = f"{PHONES}{phone.pk}/{verb}/"
    host.report(phone, status, linked=True, cause=cause, rule=rule)
    assert advice(cause)["avoid"] in client.get(url).content.decode()
    host.report(phone, status, linked=True, cause="n1", rule="backoff")
    assert advice("n1")["avoid"] not in client.get(url).content.decode()


def test_warnings_say_what_to_do_alarms_first(browse, operator, phone, host):
    host.connect(phone)
    since = timezone.now() - timedelta(days=1)
    until = (timezone.now() + timedelta(days=2)).isoformat()
    warnings = {
        "i2": {"since": since.isoformat(), "time": until},
        "p1": {
            "since": since.isoformat(), "days": 12, "date": until, "level": "alarm"
        },
        "not in the catalogue": {},
    }  # fmt: skip
    SessionFacts.objects.filter(phone=phone).update(warnings=warnings)
    story = story_of(phone)
    assert [(w.cause_id, w.tone) for w in story.warnings] == [
        ("p1", "bad"),
        ("i2", "warn"),
    ]
    body = browse(operator).get(f"{PHONES}{phone.pk}/change/").content.decode()
    assert "has not been online for 12 days" in body
    assert advice("p1")["you_do"] in body
    assert 'href="/admin/causes/p1/"' in body


def test_a_reader_of_two_organizations_counts_both(browse, operator, phone, host):
    second = make_organization(name="Second")
    second.memberships.create(user=operator)
    for each in (phone, make_phone(second)):
        host.report(each, Status.HELD, linked=True, cause="r1")
    assert row_of(browse(operator).get(LIST), "r1").now == 2
