"""The dashboard, and what frames every page."""

from __future__ import annotations

import json

import pytest

from metrics.models import ConnectionMetrics
from phones.models import Status
from tests.factories import make_organization, make_phone, make_user

INDEX = "/admin/"


def tiles(answer):
    return {t["status"]: t["count"] for t in answer.context["tiles"] if t["count"]}


def test_it_counts_ones_own_phones(browse, operator, phone, host, stranger):
    host.connect(phone)
    make_phone(phone.organization)
    host.report(stranger.memberships.get().organization.phones.get(), Status.HELD)
    answer = browse(operator).get(INDEX)
    assert tiles(answer) == {"connected": 1, "new": 1}
    assert json.loads(answer.context["counts_json"]) == {
        str(phone.organization_id): {"connected": 1, "new": 1}
    }


def test_a_superuser_counts_all(browse, superuser, phone, host, stranger):
    host.connect(phone)
    assert tiles(browse(superuser).get(INDEX)) == {"connected": 1, "new": 1}


def test_it_names_the_phones_that_need_a_person(
    browse, operator, phone, host, stranger
):
    host.report(phone, Status.HELD, cause="r1", linked=True)
    foreign = stranger.memberships.get().organization.phones.get()
    host.report(foreign, Status.HELD, cause="l3", linked=True)
    body = browse(operator).get(INDEX).content.decode()
    assert "+77054810862" in body
    assert "Another program is using the same session" in body
    assert str(foreign) not in body


def test_it_shows_the_last_losses(browse, operator, phone, stranger):
    foreign = stranger.memberships.get().organization.phones.get()
    for row in (phone, foreign):
        ConnectionMetrics.objects.create(
            phone=row, event="disconnected", cause="n1", error_code=428
        )
    ConnectionMetrics.objects.create(phone=phone, event="connected")
    answer = browse(operator).get(INDEX)
    assert len(answer.context["losses"]) == 1
    body = answer.content.decode()
    assert 'href="/admin/causes/n1/">connection dropped</a> · 428' in body


def test_it_says_when_no_server_runs(browse, operator, phone):
    assert "run_sessions" in browse(operator).get(INDEX).content.decode()


def test_it_counts_the_servers(browse, operator, phone, host):
    assert "1 server running" in browse(operator).get(INDEX).content.decode()


@pytest.mark.parametrize(
    ("role", "words"), [("steward", "Add phone"), ("viewer", "A steward")]
)
def test_an_empty_fleet_says_the_next_step(role, words, browse, organization):
    body = browse(make_user(organization, role)).get(INDEX).content.decode()
    assert "No phone yet" in body
    assert words in body


def test_without_a_membership_it_says_whom_to_ask(browse, phone):
    body = browse(make_user()).get(INDEX).content.decode()
    assert "You belong to no organization yet" in body
    assert "data-socket" not in body


@pytest.mark.parametrize(
    "page", [INDEX, "/admin/phones/organizationphone/", "/admin/login/"]
)
@pytest.mark.parametrize("sandbox", [True, False])
def test_the_sandbox_has_a_banner_on_every_page(
    page, sandbox, client, operator, settings
):
    settings.SANDBOX = sandbox
    if page != "/admin/login/":
        client.force_login(operator)
    body = client.get(page).content.decode()
    assert ("Sandbox: no real WhatsApp here" in body) == sandbox


@pytest.mark.parametrize(
    "page", [INDEX, "/admin/phones/organizationphone/", "/admin/login/"]
)
def test_the_language_can_be_switched_on_every_page(page, client, operator):
    if page != "/admin/login/":
        client.force_login(operator)
    body = client.get(page).content.decode()
    assert 'name="language" value="ru"' in body
    client.post("/i18n/setlang/", {"language": "ru", "next": page})
    assert '<html lang="ru"' in client.get(page).content.decode()


def test_pages_run_no_inline_script(browse, superuser, phone, host):
    """The policy forbids them; a page that needed one would be broken."""
    client = browse(superuser)
    phones = "/admin/phones/organizationphone/"
    host.connect(phone)
    for page in (
        INDEX,
        phones,
        f"{phones}{phone.pk}/change/",
        f"{phones}{phone.pk}/qr/",
    ):
        answer = client.get(page)
        body = answer.content.decode()
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy
        for tag in body.split("<script")[1:]:
            assert "src=" in tag[: tag.index(">")] or "json" in tag[: tag.index(">")]
        assert " onclick=" not in body


def test_hosts_and_people_are_for_superusers(browse, steward, superuser, host):
    for path in (
        "phone_sessions/host/",
        "auth/user/",
        "auth/group/",
        "axes/accessattempt/",
    ):
        assert browse(steward).get(f"/admin/{path}").status_code == 403
        assert browse(superuser).get(f"/admin/{path}").status_code == 200
    page = browse(superuser).get(f"/admin/phone_sessions/host/{host.row.pk}/change/")
    assert "running" in page.content.decode()
    assert browse(superuser).post("/admin/phone_sessions/host/add/").status_code == 403


def test_stewards_change_members_and_it_is_audited(
    browse, steward, operator, organization
):
    from phones.models import AuditEntry, Membership

    url = f"/admin/phones/organization/{organization.pk}/change/"
    client = browse(steward)
    formset = client.get(url).context["inline_admin_formsets"][0].formset
    data = {"name": organization.name, "initial-name": organization.name}
    prefix = formset.prefix
    data |= {f"{prefix}-{k}": v for k, v in formset.management_form.initial.items()}
    for n, form in enumerate(formset.initial_forms):
        member = form.instance
        role = "viewer" if member.user == operator else member.role
        row = f"{prefix}-{n}"
        data |= {
            f"{row}-id": member.pk,
            f"{row}-organization": organization.pk,
            f"{row}-user": member.user_id,
            f"{row}-role": role,
        }
    assert client.post(url, data).status_code == 302
    assert Membership.objects.get(user=operator).role == "viewer"
    entry = AuditEntry.objects.get(verb="member_changed")
    assert entry.detail == {"member": "operator", "role": "viewer"}


def test_a_steward_cannot_add_a_person_they_do_not_know(browse, steward, organization):
    unknown = make_user(make_organization(), username="unknown")
    url = f"/admin/phones/organization/{organization.pk}/change/"
    client = browse(steward)
    formset = client.get(url).context["inline_admin_formsets"][0].formset
    choices = formset.empty_form.fields["user"].queryset
    assert unknown not in choices
    assert steward in choices


def test_a_viewer_does_not_see_the_members(browse, viewer, organization):
    url = f"/admin/phones/organization/{organization.pk}/change/"
    answer = browse(viewer).get(url)
    assert answer.status_code == 200
    assert not answer.context["inline_admin_formsets"]


def test_the_first_superuser_is_told_to_add_an_organization(browse, superuser):
    body = browse(superuser).get(INDEX).content.decode()
    assert "/admin/phones/organization/add/" in body


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/admin/phones/organizationphone/add/", 403, "Your role does not allow this"),
        ("/admin/phones/organizationphone/999999/stop/", 404, "There is no such page"),
    ],
)
def test_a_refusal_says_what_to_do(path, status, words, browse, viewer):
    answer = browse(viewer).get(path)
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert 'href="/admin/"' in answer.content.decode()
