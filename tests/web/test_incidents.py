"""Incidents: the superusers' pages, and the banner that speaks of one's own phones."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import Status
from sessions.models import Host, Incident, SessionFacts
from tests.factories import make_phone
from tests.web.sockets import in_thread, message_with, opened

LIST = "/admin/phone_sessions/incident/"
PHONES = "/admin/phones/organizationphone/"
PROBE = timedelta(seconds=15)


def begin(kind: str = "unreachable", **fields) -> Incident:
    fields.setdefault("cause", "n3")
    return Incident.objects.create(
        kind=kind, next_probe_at=timezone.now() + PROBE, **fields
    )


def join(host, phone, incident: Incident) -> None:
    host.report(
        phone,
        Status.WAITING,
        linked=True,
        cause=incident.cause,
        rule="incident",
        incident=incident,
    )


@pytest.fixture
def elsewhere(stranger):
    """A phone of another organization."""
    return stranger.memberships.get().organization.phones.get()


def page(client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def pages_of(phone) -> tuple[str, ...]:
    return "/admin/", PHONES, f"{PHONES}{phone.pk}/change/"


def test_the_banner_counts_the_readers_own_phones(
    browse, viewer, phone, host, elsewhere
):
    incident = begin()
    for each in (phone, make_phone(phone.organization), elsewhere):
        join(host, each, incident)
    client = browse(viewer)
    for address in pages_of(phone):
        shown = page(client, address)
        assert "WhatsApp cannot be reached" in shown
        assert "2 phones of Acme" in shown
        assert "Elsewhere" not in shown
        assert elsewhere.phone_number not in shown
        assert LIST not in shown


def test_there_is_no_banner_for_who_has_no_phone_in_it(
    browse, viewer, phone, host, elsewhere
):
    join(host, elsewhere, begin())
    host.connect(phone)
    client = browse(viewer)
    for address in pages_of(phone):
        assert "sb-incident" not in page(client, address).replace("sb-incidents", "")


def test_phones_that_fail_and_do_not_wait_yet_are_counted(browse, viewer, phone, host):
    begin()
    host.report(phone, Status.DISCONNECTED, cause="n1", rule="ride", linked=True)
    assert "1 phone of Acme" in page(browse(viewer), "/admin/")


def test_an_incident_of_one_host_is_about_its_phones(browse, viewer, phone, host):
    other = Host.objects.create(name="other")
    begin(host=other)
    host.report(phone, Status.DISCONNECTED, cause="n1", rule="ride", linked=True)
    assert "phone of Acme" not in page(browse(viewer), "/admin/")
    begin(host=host.row)
    assert "1 phone of Acme" in page(browse(viewer), "/admin/")


def test_nobody_needs_a_person_for_an_incident(browse, viewer, phone, host):
    incident = begin()
    join(host, phone, incident)
    client = browse(viewer)
    assert f'<li data-phone="{phone.pk}"' not in page(client, "/admin/")
    assert "Nothing" not in page(client, f"{PHONES}?needs=person")
    sidebar = client.get("/admin/").context["sidebar_navigation"]
    phones = next(i for g in sidebar for i in g["items"] if i["title"] == "Phones")
    assert "badge" not in phones


def test_superusers_see_every_incident_and_its_phones(
    browse, superuser, phone, host, elsewhere
):
    incident = begin(message="dns", probes=3, canary=phone, phone_count=7)
    for each in (phone, elsewhere):
        join(host, each, incident)
    client = browse(superuser)
    listed = page(client, LIST)
    assert "WhatsApp cannot be reached" in listed
    assert "the whole fleet" in listed
    shown = page(client, f"{LIST}{incident.pk}/change/")
    for part in (
        phone.phone_number,
        elsewhere.phone_number,
        "the name is not resolved",
    ):
        assert part in shown
    assert "data-until" in shown  # the next attempt
    assert LIST in page(client, "/admin/")
    sidebar = client.get(LIST).context["sidebar_navigation"]
    entry = next(i for g in sidebar for i in g["items"] if i["title"] == "Incidents")
    assert entry["badge"] == 1


def test_an_incident_that_is_over_is_history(browse, superuser, phone, host):
    incident = begin()
    Incident.objects.filter(pk=incident.pk).end(
        now=incident.started_at + timedelta(minutes=10)
    )
    client = browse(superuser)
    assert "0:10:00" in page(client, LIST)
    assert "No incident" not in page(client, f"{LIST}?state=on")
    assert "0:10:00" not in page(client, f"{LIST}?state=on")
    assert "data-until" not in page(client, f"{LIST}{incident.pk}/change/")


def test_without_any_server_the_next_attempt_has_no_time(browse, superuser, phone):
    incident = begin()
    shown = page(browse(superuser), f"{LIST}{incident.pk}/change/")
    assert "when a server runs again" in shown


def test_the_empty_list_says_what_would_be_in_it(browse, superuser):
    assert "No incident so far" in page(browse(superuser), LIST)


@pytest.mark.parametrize("who", ["viewer", "steward"])
def test_the_list_is_not_for_members(browse, request, who):
    client = browse(request.getfixturevalue(who))
    incident = begin()
    for address in (LIST, f"{LIST}{incident.pk}/change/"):
        assert client.get(address).status_code in (302, 403)


def test_nobody_changes_an_incident(browse, superuser):
    incident = begin()
    client = browse(superuser)
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{incident.pk}/delete/").status_code == 403
    client.post(f"{LIST}{incident.pk}/change/", {"probes": 99})
    incident.refresh_from_db()
    assert incident.probes == 0


@pytest.mark.django_db(transaction=True)
async def test_an_open_dashboard_shows_and_drops_the_banner(phone, operator, host):
    slot = f"incidents-{phone.organization_id}"
    async with opened(operator, "/ws/board/") as (socket, _, _code):
        first = json.loads(await socket.receive_from())
        assert first["slots"][slot] == ""
        incident = await in_thread(begin)()
        await in_thread(join)(host, phone, incident)
        told = await message_with(socket, "1 phone of Acme")
        assert "cannot be reached" in told["slots"][slot]
        await in_thread(SessionFacts.objects.update)(incident=None, rule="")
        await in_thread(host.connect)(phone)
        gone = await message_with(socket, '"connected": 1')
        assert gone["slots"][slot] == ""
