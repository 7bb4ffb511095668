"""The proxy on a phone's page: written by stewards, its login read by nobody."""

from __future__ import annotations

import pytest

from phones.models import AuditEntry, Role
from sessions import verbs
from sessions.models import PhoneProxy
from sessions.proxies import proxy_of, set_proxy
from tests.factories import make_user

SECRET = "s3cret-word"
URL = f"http://ann:{SECRET}@192.0.2.7:3128"


def address(phone):
    return f"/admin/phones/organizationphone/{phone.pk}/proxy/"


def page(phone):
    return f"/admin/phones/organizationphone/{phone.pk}/change/"


def test_a_steward_sets_it_and_sees_its_address_only(browse, steward, phone):
    client = browse(steward)
    assert "no proxy of its own" in client.get(page(phone)).content.decode()
    answer = client.post(address(phone), {"address": URL}, follow=True)
    body = answer.content.decode()
    assert answer.redirect_chain[-1][0] == page(phone)
    assert "http://192.0.2.7:3128" in body
    for shown in (page(phone), address(phone), "/admin/phones/auditentry/"):
        body = client.get(shown).content.decode()
        assert SECRET not in body
        assert "ann" not in body.replace("channel", "").replace("cannot", "")
    assert proxy_of(phone).url == URL
    entry = AuditEntry.objects.get(verb="set_proxy")
    assert (entry.user, entry.detail) == (steward, {"proxy": "http://192.0.2.7:3128"})


def test_a_wrong_address_is_one_sentence_and_is_not_repeated(browse, steward, phone):
    set_proxy(phone, "http://192.0.2.8:1")
    wrong = f"http://ann:{SECRET}@192.0.2.7"
    answer = browse(steward).post(address(phone), {"address": wrong})
    body = answer.content.decode()
    assert "port is missing" in body
    assert SECRET not in body
    assert proxy_of(phone).shown == "http://192.0.2.8:1"


def test_an_empty_form_clears_nothing(browse, steward, phone):
    set_proxy(phone, URL)
    answer = browse(steward).post(address(phone), {"address": ""})
    assert answer.context["proxy_form"].errors["address"]
    assert proxy_of(phone) is not None


def test_the_button_clears_it_whatever_the_field_holds(browse, steward, phone):
    set_proxy(phone, URL)
    client = browse(steward)
    client.post(address(phone), {"address": "junk", "clear": "yes"})
    assert not PhoneProxy.objects.exists()
    assert AuditEntry.objects.filter(verb="clear_proxy").count() == 1
    client.post(address(phone), {"clear": "yes"})
    assert AuditEntry.objects.filter(verb="clear_proxy").count() == 1


def test_a_running_phone_is_offered_a_restart(browse, steward, phone, host):
    host.connect(phone)
    verbs.start(phone)
    body = browse(steward).post(address(phone), {"address": URL}, follow=True)
    restart = f'href="/admin/phones/organizationphone/{phone.pk}/restart/">Restart</a>'
    assert restart in body.content.decode()


def test_a_phone_that_does_not_run_is_not(browse, steward, phone):
    body = browse(steward).post(address(phone), {"address": URL}, follow=True)
    assert "It counts from the next start on." in body.content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_others_neither_see_nor_change_it(browse, organization, phone, role):
    set_proxy(phone, URL)
    client = browse(make_user(organization, role))
    assert client.get(address(phone)).status_code == 403
    assert client.post(address(phone), {"clear": "yes"}).status_code == 403
    assert "192.0.2.7" not in client.get(page(phone)).content.decode()
    assert proxy_of(phone).url == URL


def test_a_get_changes_nothing(browse, steward, phone):
    set_proxy(phone, URL)
    client = browse(steward)
    client.get(address(phone), {"address": "http://192.0.2.9:1", "clear": "yes"})
    assert proxy_of(phone).url == URL


def test_a_form_without_its_token_is_refused(steward, phone):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(steward)
    assert client.post(address(phone), {"address": URL}).status_code == 403
    assert not PhoneProxy.objects.exists()


def test_an_error_report_does_not_hold_the_login(browse, steward, phone, monkeypatch):
    """Django mails requests that failed; a POST that failed may hold a password."""
    from django.views.debug import SafeExceptionReporterFilter

    seen = {}

    def fails(phone, text, user):
        raise RuntimeError("no disk")

    monkeypatch.setattr("phones.admin.proxy.set_proxy", fails)
    client = browse(steward)
    client.raise_request_exception = False

    def note(sender, request, **kwargs):
        reporter = SafeExceptionReporterFilter()
        seen.update(reporter.get_post_parameters(request))

    from django.core.signals import got_request_exception

    got_request_exception.connect(note)
    try:
        assert client.post(address(phone), {"address": URL}).status_code == 500
    finally:
        got_request_exception.disconnect(note)
    assert "address" in seen
    assert SECRET not in str(seen)


def test_a_sandbox_phone_says_why_it_will_not_start(browse, steward, phone, settings):
    settings.WHATSAPP_REALM = "sandbox"
    set_proxy(phone, URL)
    assert "does not start" in browse(steward).get(page(phone)).content.decode()
