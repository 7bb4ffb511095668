"""The dashboard: counts, phones that need a person, servers, last losses."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from metrics.models import ConnectionMetrics
from metrics.record_text import LOSSES
from phones.addresses import board_socket
from phones.admin.fragments import Message
from phones.admin.incident_banner import banner_context, banners
from phones.admin.scoping import Access
from phones.admin.story import TONES, Story, needing_person, told
from phones.models import Organization, OrganizationPhone, Role, Status
from sessions.models import Host
from sessions.policy.causes import CAUSES, title

SHOWN_LOSSES = 10
SHOWN_ATTENTION = 50


def counts_by_organization(
    phones: QuerySet[OrganizationPhone],
) -> dict[int, dict[str, int]]:
    """{organization id: {status: how many}}, statuses without phones left out."""
    counts: dict[int, dict[str, int]] = {}
    rows = phones.order_by().values_list("organization_id", "status")
    for organization_id, status, count in rows.annotate(n=Count("pk")):
        counts.setdefault(organization_id, {})[status] = count
    return counts


def board_state(organization_id: int) -> Message:
    """Counts of one organization, as an opened dashboard is told them."""
    return {
        "organization": organization_id,
        "counts": counts_by_organization(
            OrganizationPhone.objects.filter(organization_id=organization_id)
        ).get(organization_id, {}),
        "slots": {**servers(), **banners([organization_id])},
    }


def board_message(story: Story) -> Message:
    """What a change of one phone means for the dashboards of its organization."""
    phone = story.phone
    loss = (
        ConnectionMetrics.objects.filter(phone=phone, event__in=LOSSES)
        .select_related("phone__organization")
        .first()
    )
    return {
        **board_state(phone.organization_id),
        "phone": phone.pk,
        "attention": attention(story) if story.needs_person else "",
        "loss": {"id": loss.pk, "html": loss_line(loss)} if loss else None,
    }


def servers() -> dict[str, str]:
    alive = Host.objects.alive().count()
    return {"servers": render_to_string("phones/servers.html", {"alive": alive})}


def attention(story: Story) -> str:
    return render_to_string("phones/attention.html", {"story": story})


def loss_line(row: ConnectionMetrics) -> str:
    cause = title(row.cause) if row.cause else ""
    context = {"row": row, "cause": cause, "known": row.cause in CAUSES}
    return render_to_string("phones/loss.html", context)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """DASHBOARD_CALLBACK of the theme: the reader's own organizations only."""
    phones = OrganizationPhone.objects.scoped(request.user)
    own = Organization.objects.scoped(request.user)
    member = own.exists()
    counts = counts_by_organization(phones)
    needing = told(needing_person(phones)).order_by("-facts__since")
    losses = ConnectionMetrics.objects.scoped(request.user).filter(event__in=LOSSES)
    context.update(
        {
            "title": _("Dashboard"),
            "socket": board_socket() if member else "",
            "tiles": _tiles(counts),
            "counts_json": json.dumps(counts),
            "phone_total": sum(sum(each.values()) for each in counts.values()),
            "member": member or Access.of(request).everything,
            "may_add": Access.of(request).may(Role.STEWARD),
            "first_organization": not member and Access.of(request).everything,
            "attention": [
                (phone.pk, attention(Story.of(phone)))
                for phone in needing[:SHOWN_ATTENTION]
            ],
            "losses": [
                (row.pk, loss_line(row))
                for row in losses.select_related("phone__organization")[:SHOWN_LOSSES]
            ],
            "alive": Host.objects.alive().count(),
            "sandbox": settings.SANDBOX,
            **banner_context(request, own.values_list("pk", flat=True)),
        }
    )
    return context


def _tiles(counts: dict[int, dict[str, int]]) -> list[dict[str, Any]]:
    """One tile per status, linking to the list filtered by it."""
    phones = reverse("admin:phones_organizationphone_changelist")
    return [
        {
            "status": status.value,
            "label": status.label,
            "tone": TONES[status],
            "count": sum(each.get(status, 0) for each in counts.values()),
            "url": f"{phones}?status__exact={status.value}",
        }
        for status in Status
    ]
