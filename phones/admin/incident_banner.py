"""What the pages say while an incident is on: of the reader's own phones alone.

A banner belongs to an organization, as everything that is told live: it counts that
organization's phones in the incident and names no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from phones.admin.scoping import Access
from phones.models import Organization
from sessions.models import Incident

Kind = Incident.Kind

MEANINGS = {
    Kind.UNREACHABLE: _(
        "Look at the network of the server. The phones come back by themselves; "
        "nothing is to be scanned."
    ),
    Kind.OVERLOADED: _(
        "Its servers have too much to do. The phones come back by themselves; nothing "
        "is to be scanned."
    ),
    Kind.OUTDATED: _(
        "The software must be updated. Connected phones stay, the others wait; nothing "
        "is to be scanned."
    ),
    Kind.REFUSED: _(
        "The phones wait and come back by themselves when WhatsApp lets one in; "
        "nothing is to be scanned."
    ),
    Kind.LOGGED_OUT: _(
        "Many devices were logged out at once. Open WhatsApp on the phones and look "
        "why before you link them again."
    ),
    Kind.BANNED: _(
        "WhatsApp has banned many numbers for a time. Stop what they send; each comes "
        "back at its own date."
    ),
    Kind.REPLACED: _(
        "Another program uses the same sessions. Make sure that the old server is off."
    ),
    Kind.CRASHED: _(
        "Session processes crash. They are started again; the keys are safe."
    ),
    Kind.DATABASE: _(
        "The database was away, and sessions were ended for safety. They start again; "
        "nothing is to be done."
    ),
}


def slot_of(organization_id: int) -> str:
    """The `data-slot` of an organization's banner."""
    return f"incidents-{organization_id}"


def banners(organization_ids: Iterable[int]) -> dict[str, str]:
    """{slot: HTML}; "" where no phone of the organization is in an incident."""
    ids = set(organization_ids)
    lines: dict[int, list[dict[str, Any]]] = {pk: [] for pk in ids}
    for incident in Incident.objects.active().order_by("pk"):
        counts = (
            incident.phones()
            .filter(organization__in=ids)
            .values_list("organization_id")
            .annotate(count=Count("pk"))
        )
        for organization_id, count in counts:
            lines[organization_id].append(_line(incident, count))
    names: dict[int, str] = {}
    if any(lines.values()):
        own = Organization.objects.filter(pk__in=ids)
        names = dict(own.values_list("pk", "name"))
    return {slot_of(pk): _banner(names.get(pk, ""), lines[pk]) for pk in sorted(ids)}


def _line(incident: Incident, count: int) -> dict[str, Any]:
    return {
        "incident": incident,
        "count": count,
        "meaning": MEANINGS[Kind(incident.kind)],
        "tone": "warn" if incident.waits else "bad",
    }


def _banner(organization: str, lines: list[dict[str, Any]]) -> str:
    if not lines:
        return ""
    context = {"organization": organization, "lines": lines}
    return render_to_string("phones/incident.html", context)


def banner_context(
    request: HttpRequest, organization_ids: Iterable[int]
) -> dict[str, Any]:
    """For a page's template: the slots, and where superusers read on."""
    shown = banners(organization_ids)
    everything = Access.of(request).everything and any(shown.values())
    address = reverse("admin:phone_sessions_incident_changelist")
    return {
        "incident_slots": shown.items(),
        "incidents_url": address if everything else "",
    }
