"""Every address of the portal, asked by those whom a row is none of their business."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import AuditEntry, Membership, Organization, OrganizationPhone, Role
from sessions.models import (
    Alert,
    BaileysImport,
    Host,
    Incident,
    Pairing,
    PhoneRequest,
    Quarantine,
    SessionFacts,
    Wish,
)
from tests.factories import make_organization, make_phone, make_user
from tests.web.uploading import make_upload

SECRET = "Zzyzx"  # part of every name that only Zzyzx may see
SECRET_NUMBER = "4917655500123"
CAUSE = "n1"  # why the phone that nobody else may see was lost
EVERYBODY = (
    "anonymous",
    "viewer elsewhere",
    "operator elsewhere",
    "steward elsewhere",
    "staff without membership",
)
HARMLESS = {200, 301, 302, 400, 403, 404, 405}


class Victim:
    """An organization with a row in every table that the admin shows."""

    def __init__(self) -> None:
        self.organization = make_organization(name=f"{SECRET} Trading")
        self.phone = make_phone(
            self.organization, phone_number=SECRET_NUMBER, qr_code=f"{SECRET} code"
        )
        SessionFacts.objects.create(phone=self.phone, cause=CAUSE, linked=True)
        self.owner = make_user(
            self.organization, Role.STEWARD, username=f"{SECRET}-boss"
        )
        self.upload = make_upload(self.phone, file_name=f"{SECRET}.json")
        self.rows = {
            Organization: self.organization,
            OrganizationPhone: self.phone,
            AuditEntry: AuditEntry.objects.record(
                verb="link", phone=self.phone, user=self.owner
            ),
            ConnectionMetrics: ConnectionMetrics.objects.create(
                phone=self.phone,
                event="disconnected",
                cause=CAUSE,
                error_message=f"{SECRET} lost",
            ),
            Host: Host.objects.create(name=f"{SECRET}-server"),
            Incident: Incident.objects.create(
                kind="unreachable", cause="n3", message=SECRET, canary=self.phone
            ),
            Alert: Alert.objects.create(
                kind="held",
                subject="phone:1",
                phone=self.phone,
                organization=self.organization,
                last_error=f"{SECRET} refused",
            ),
            Quarantine: Quarantine.objects.create(
                organization_id=self.organization.pk,
                phone=self.phone,
                phone_jid=SECRET_NUMBER,
                reason=f"{SECRET} cleared it",
                logged_out=False,
                purge_at=timezone.now() + timedelta(days=7),
            ),
            User: self.owner,
            Group: Group.objects.create(name=f"{SECRET} group"),
            AccessAttempt: AccessAttempt.objects.create(
                username=f"{SECRET}-boss", failures_since_start=1
            ),
            AccessFailureLog: AccessFailureLog.objects.create(
                username=f"{SECRET}-boss"
            ),
            AccessLog: AccessLog.objects.create(username=f"{SECRET}-boss"),
        }

    def traces(self) -> tuple[int, ...]:
        """What a verb would leave behind."""
        return (
            Wish.objects.count(),
            Pairing.objects.count(),
            PhoneRequest.objects.count(),
            BaileysImport.objects.exclude(phones__outcome="chosen").count(),
            AuditEntry.objects.count(),
            Membership.objects.filter(organization=self.organization).count(),
            OrganizationPhone.objects.filter(phone_number=SECRET_NUMBER).count(),
            Organization.objects.count(),
            User.objects.count(),
        )


@pytest.fixture
def victim(db):
    return Victim()


@pytest.fixture
def person(request, db, victim):
    """A client for one of EVERYBODY."""

    def client_of(who, client):
        if who == "anonymous":
            return client
        if who == "staff without membership":
            user = make_user(username="newcomer")
        else:
            other = make_organization(name="Other")
            make_phone(other, phone_number="77010000001")
            user = make_user(other, Role(who.split()[0]), username="outsider")
        client.force_login(user)
        return client

    return client_of


def addresses(victim: Victim) -> Iterator[str]:
    """Every address of the portal, with the victim's rows in its variable parts."""
    for pattern, route in _patterns(get_resolver(), ""):
        yield from _filled(pattern, route, victim)
    yield from _autocompletes()


def _patterns(resolver: URLResolver, prefix: str) -> Iterator[tuple[URLPattern, str]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, route)
        else:
            yield entry, route


def _filled(pattern: URLPattern, route: str, victim: Victim) -> Iterator[str]:
    route = route.replace("^", "").replace("$", "").replace("\\Z", "")
    if match := re.search(r"\(\?P<app_label>([^)]*)\)", route):
        for label in match[1].split("|"):
            yield "/" + route.replace(match[0], label)
        return
    route = re.sub(r"\(\?P<url>[^)]*\)", "phones", route)
    model = _model_of(route)
    values = {"phone_id": victim.phone.pk, "id": victim.phone.pk, "cause_id": CAUSE}
    values["import_id"] = victim.upload.pk
    if model is not None:
        row = victim.rows[model].pk
        values.update(object_id=row, pk=row, id=row)
    if "content_type_id" in route:
        content_type = ContentType.objects.get_for_model(OrganizationPhone)
        values.update(content_type_id=content_type.pk, object_id=victim.phone.pk)
    filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: str(values[m[1]]), route)
    assert not set("<>()[]*+?") & set(filled), f"fill in {route}"
    yield "/" + filled


def _model_of(route: str) -> type | None:
    for model in admin.site._registry:
        if f"/{model._meta.app_label}/{model._meta.model_name}/" in "/" + route:
            return model
    return None


def _autocompletes() -> Iterator[str]:
    for model in admin.site._registry:
        for field in model._meta.get_fields():
            if field.many_to_one and field.concrete:
                yield (
                    f"/admin/autocomplete/?app_label={model._meta.app_label}"
                    f"&model_name={model._meta.model_name}&field_name={field.name}"
                )


def test_every_registered_model_has_a_row_to_look_for(victim):
    assert set(admin.site._registry) == set(victim.rows)


def test_the_walk_knows_the_pages_it_must_know(victim):
    known = set(addresses(victim))
    phone = f"/admin/phones/organizationphone/{victim.phone.pk}"
    pages = ("change/", "delete/", "history/", "qr/", "proxy/")
    for page in (*pages, "link/", "clear/", "stop/"):
        assert f"{phone}/{page}" in known
    assert {f"{phone}/auth/", f"{phone}/auth/check/"} <= known
    assert f"/admin/phones/organization/{victim.organization.pk}/clear/" in known
    every_phone = "/admin/phones/organizationphone"
    assert {f"{every_phone}/clear/", f"{every_phone}/clearing/"} <= known
    kept = victim.rows[Quarantine].pk
    quarantine = f"/admin/phone_sessions/quarantine/{kept}"
    assert {f"{quarantine}/change/", f"{quarantine}/put_back/"} <= known
    assert "/admin/sandbox/" in known
    assert {"/admin/causes/", f"/admin/causes/{CAUSE}/"} <= known
    assert f"/admin/sandbox/scan/{victim.phone.pk}/" in known
    assert len(known) > 80


@pytest.mark.parametrize("sandbox", [False, True], ids=["whatsapp", "sandbox"])
@pytest.mark.parametrize("who", EVERYBODY)
def test_nobody_elsewhere_sees_or_changes_a_row(
    who, sandbox, client, person, victim, settings
):
    settings.SANDBOX = sandbox
    client = person(who, client)
    before = victim.traces()
    for address in dict.fromkeys(addresses(victim)):
        if "logout" in address:
            continue
        for method in ("get", "post"):
            answer = getattr(client, method)(address, follow=False)
            body = b"".join(answer) if answer.streaming else answer.content
            text = body.decode() + str(answer.headers)
            assert answer.status_code in HARMLESS, (method, address)
            asked = address.replace(SECRET_NUMBER, "")
            assert SECRET not in text, (method, address, asked)
            assert SECRET_NUMBER not in text, (method, address)
    assert victim.traces() == before


@pytest.mark.parametrize("who", EVERYBODY[1:])
def test_a_foreign_phone_does_not_exist_for_others(who, client, person, victim):
    client = person(who, client)
    for page in (
        "qr",
        "proxy",
        "auth",
        "link",
        "start",
        "stop",
        "restart",
        "hold",
        "unlink",
        "clear",
    ):
        for pk in (victim.phone.pk, 10**9):
            answer = client.get(f"/admin/phones/organizationphone/{pk}/{page}/")
            assert answer.status_code == 404, (page, pk)


def test_a_search_of_the_list_finds_nothing_foreign(client, person, victim):
    client = person("steward elsewhere", client)
    for query in (
        f"?q={SECRET_NUMBER}",
        f"?organization__id__exact={victim.organization.pk}",
    ):
        for model in ("organizationphone", "auditentry"):
            answer = client.get(f"/admin/phones/{model}/{query}")
            assert SECRET not in answer.content.decode()


def test_a_foreign_phone_cannot_be_chosen_for_an_action(client, person, victim):
    client = person("steward elsewhere", client)
    before = victim.traces()
    data = {"action": "stop_several", "_selected_action": [victim.phone.pk]}
    for extra in ({}, {"confirmed": "yes"}):
        answer = client.post("/admin/phones/organizationphone/", {**data, **extra})
        assert SECRET_NUMBER not in answer.content.decode()
    assert victim.traces() == before


def test_a_phone_cannot_be_added_to_a_foreign_organization(client, person, victim):
    client = person("steward elsewhere", client)
    answer = client.post(
        "/admin/phones/organizationphone/add/",
        {"organization": victim.organization.pk, "phone_number": "77010000009"},
    )
    assert answer.status_code == 200
    assert not OrganizationPhone.objects.filter(phone_number="77010000009").exists()


def test_django_permissions_open_nothing(client, victim):
    """A person given every Django permission still sees by membership only."""
    from django.contrib.auth.models import Permission

    user = make_user(username="permitted")
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    for model in admin.site._registry:
        answer = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        assert answer.status_code == 403, model
