"""The page of a phone's auth records: verdict, figures, rows without values."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Role, Status
from sessions import verbs
from sessions.models import AuthReport, PhoneLease, PhoneRequest
from tests.factories import make_organization, make_phone, make_user
from tests.web.records import KEYS, body, fill, report, url

# The page


def test_a_new_phone_is_told_to_link(browse, viewer, phone):
    text = body(browse(viewer), url(phone))
    assert "press Link and scan the code" in text
    assert "Check now" not in text
    assert "By category" not in text


def test_an_empty_page_leads_to_the_link(browse, operator, phone):
    link = f'href="/admin/phones/organizationphone/{phone.pk}/link/"'
    assert link in body(browse(operator), url(phone))
    fill(phone)
    assert link not in body(browse(operator), url(phone))


def test_unchecked_records_offer_the_check(browse, operator, phone):
    fill(phone)
    text = body(browse(operator), url(phone))
    assert "press Check now" in text
    assert url(phone, "check/") in text


def test_a_linked_phone_without_rows_is_a_warning(browse, operator, phone, host):
    host.connect(phone)
    report(phone, "healthy")
    answer = browse(operator).get(url(phone))
    assert answer.context["verdict"].tone == "warn"
    assert "the table has no rows of it" in answer.content.decode()


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [("healthy", "good"), ("suspicious", "warn"), ("broken", "bad")],
)
def test_the_verdict_leads(verdict, tone, browse, viewer, phone):
    fill(phone)
    report(phone, verdict, host_name="server-7")
    answer = browse(viewer).get(url(phone))
    assert f'data-tone="{tone}">{verdict}</span>' in answer.content.decode()
    assert "the file on server-7" in answer.content.decode()


def test_what_failed_is_said_with_what_to_do(browse, viewer, phone):
    fill(phone)
    report(
        phone,
        "broken",
        ("w12", "fatal", {}),
        ("w20", "damage", {"count": 3, "wrong": "no sending chain"}),
        ("b99", "notice", {}),
    )
    answer = browse(viewer).get(url(phone))
    text = answer.content.decode()
    assert answer.context["verdict"].sentence.startswith("The signature of the signed")
    assert "clear the keys, remove the device on the phone" in text
    assert "3 (no sending chain)" in text
    assert [failed.tone for failed in answer.context["verdict"].failed] == [
        "bad",
        "warn",
        "plain",
    ]


def test_records_that_changed_since_the_check_say_so(browse, viewer, phone, host):
    fill(phone)
    host.connect(phone)
    PhoneLease.objects.update(auth_sequence=12)
    checked = report(phone, "healthy", auth_sequence=12)
    client = browse(viewer)
    assert "have changed since" not in body(client, url(phone))
    AuthReport.objects.filter(pk=checked.pk).update(auth_sequence=7)
    assert "have changed since" in body(client, url(phone))


def test_a_refused_start_is_no_check_that_grew_old(browse, viewer, phone, host):
    """Its report knows no sequence."""
    fill(phone)
    host.report(phone, Status.HELD, linked=True)
    PhoneLease.objects.update(auth_sequence=12)
    report(phone, "broken", ("w12", "fatal", {}), auth_sequence=0)
    assert "have changed since" not in body(browse(viewer), url(phone))


def test_a_damaged_file_without_a_copy_is_told_of(browse, viewer, phone, host):
    host.report(phone, Status.HELD, linked=True)
    report(phone, "broken", ("w06", "fatal", {}))
    verdict = browse(viewer).get(url(phone)).context["verdict"]
    assert (verdict.tone, verdict.emptied) == ("bad", False)
    assert "lost their device row" in verdict.sentence


def test_a_report_of_keys_that_are_gone_is_over(browse, viewer, phone, host):
    host.report(phone, Status.LOGGED_OUT, linked=False)
    report(phone, "broken", ("w12", "fatal", {}))
    assert "press Link" in browse(viewer).get(url(phone)).context["verdict"].sentence


def test_figures_are_of_this_phone_alone(browse, viewer, phone, host):
    fill(phone)
    fill(make_phone(phone.organization, phone_number="77010000001"), ["creds"])
    host.connect(phone)
    PhoneLease.objects.update(auth_sequence=815, session_pid=4711)
    answer = browse(viewer).get(url(phone))
    assert answer.context["stock"].rows == len(KEYS)
    text = answer.content.decode()
    for expected in ("815", "on server-1", "not checked"):
        assert expected in text, expected


def test_without_a_session_no_live_copy_is_claimed(browse, viewer, phone, host):
    fill(phone)
    host.connect(phone)
    PhoneLease.objects.update(session_pid=4711)
    host.die()
    answer = browse(viewer).get(url(phone))
    assert answer.context["copy"].place == "none; last on server-1"
    assert "no session runs" in answer.context["copy"].meaning.lower()


def test_the_list_finds_the_phones_to_look_at(browse, viewer, organization, host):
    verdicts = ("broken", "suspicious", "healthy", None)
    phones = {verdict: host.connect(make_phone(organization)) for verdict in verdicts}
    for verdict in verdicts[:3]:
        report(phones[verdict], verdict)
    gone = make_phone(organization)  # its keys were cleared after the check
    report(gone, "broken")
    client = browse(viewer)
    for verdict, phone in phones.items():
        chosen = verdict or "unchecked"
        answer = client.get(f"/admin/phones/organizationphone/?auth={chosen}")
        assert list(answer.context["cl"].queryset) == [phone], chosen
    answer = client.get("/admin/phones/organizationphone/?auth=nonsense")
    assert len(answer.context["cl"].queryset) == 5


# Check now


@pytest.mark.parametrize("role", list(Role))
def test_checking_is_for_operators(role, browse, organization, phone):
    fill(phone)
    client = browse(make_user(organization, role))
    may = role != Role.VIEWER
    assert (url(phone, "check/") in body(client, url(phone))) == may
    assert client.post(url(phone, "check/")).status_code == (302 if may else 403)
    assert PhoneRequest.objects.filter(kind="check").exists() == may
    assert AuditEntry.objects.filter(verb="check").exists() == may


def test_a_get_checks_nothing(browse, operator, phone):
    assert browse(operator).get(url(phone, "check/")).status_code == 405
    assert not PhoneRequest.objects.exists()


def test_without_a_server_the_rows_are_checked_at_once(browse, operator, phone):
    fill(phone)  # with values that no key of ours encrypted
    answer = browse(operator).post(url(phone, "check/"), follow=True)
    request = PhoneRequest.objects.get()
    assert (request.result, request.answer) == ("done", {"verdict": "broken"})
    text = answer.content.decode()
    assert "This phone must not start" in text
    assert "cannot be decrypted" in text
    assert "the rows of this table" in text


def test_a_check_under_way_is_looked_at_again(browse, operator, phone, host):
    fill(phone)
    client = browse(operator)
    answer = client.post(url(phone, "check/"), follow=True)
    text = answer.content.decode()
    assert 'data-refresh="2"' in text
    assert "A check is on its way" in text
    PhoneRequest.objects.get().close(PhoneRequest.Result.DONE)
    assert "data-refresh" not in body(client, url(phone))


def test_a_check_nobody_took_says_so(browse, operator, phone):
    fill(phone)
    request = verbs.check(phone, operator)
    past = timezone.now() - timedelta(seconds=1)
    PhoneRequest.objects.filter(pk=request.pk).update(expires_at=past)
    text = body(browse(operator), url(phone))
    assert "no server took it" in text
    assert "data-refresh" not in text


# Around it


def test_the_phones_page_shows_the_verdict_and_leads_here(browse, viewer, phone):
    fill(phone)
    report(phone, "healthy")
    text = body(browse(viewer), f"/admin/phones/organizationphone/{phone.pk}/change/")
    assert f'href="{url(phone)}"' in text
    assert "Every check holds" in text


def test_a_phone_of_others_has_no_page(browse, stranger, phone):
    client = browse(stranger)
    assert client.get(url(phone)).status_code == 404
    assert client.post(url(phone, "check/")).status_code == 404
    assert not PhoneRequest.objects.exists()


def test_the_same_number_of_another_organization_stays_apart(browse, viewer, phone):
    elsewhere = make_phone(make_organization(), phone_number=phone.phone_number)
    fill(elsewhere)
    assert browse(viewer).get(url(phone)).context["stock"].rows == 0


def test_clearing_is_offered_to_stewards(browse, steward, operator, phone, host):
    fill(phone)
    host.report(phone, Status.STOPPED, linked=True)
    clear = f"/admin/phones/organizationphone/{phone.pk}/clear/"
    assert clear in body(browse(steward), url(phone))
    assert clear not in body(browse(operator), url(phone))
