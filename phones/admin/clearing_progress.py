"""How far a clear of several phones is: counts that are looked at again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from phones.admin.fragments import outcome
from phones.admin.scoping import Access
from phones.models import AuditEntry, OrganizationPhone, Status
from phones.row_ids import row_ids
from sessions import verbs
from sessions.models import Host, PhoneRequest
from sessions.models.wish import PhoneRequestQuerySet

MANY = 200  # phones; more are looked at less often
SHOWN = 50  # requests listed; the rest are counted
Result = PhoneRequest.Result
STATES = (
    ("done", "good", gettext_lazy("cleared")),
    ("working", "busy", gettext_lazy("being cleared")),
    ("waiting", "plain", gettext_lazy("waiting for a server")),
    ("failed", "bad", gettext_lazy("not cleared")),
)


@dataclass(frozen=True)
class Part:
    """Phones in one state; start and percent: where its piece of the bar is."""

    name: str
    tone: str
    label: str
    count: int
    start: float
    percent: float


@require_safe
def progress(request: HttpRequest) -> HttpResponse:
    """?after=…&to=…: the reader's audit rows between which the clears were asked."""
    if not Access.of(request).may(verbs.LEAST_ROLE["clear"]):
        raise PermissionDenied
    requests = list(_asked(request).select_related("phone__organization"))
    sorted_out = {name: [] for name, _tone, _label in STATES}  # type: dict[str, list[Any]]
    for each in requests:
        sorted_out[state_of(each)].append(each)
    unfinished = [*sorted_out["working"], *sorted_out["waiting"]]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Clear auth"),
        "parts": _parts({name: len(rows) for name, rows in sorted_out.items()}),
        "total": len(requests),
        "seconds": 1 if len(requests) <= MANY else 3,
        "unfinished": unfinished[:SHOWN],
        "unfinished_count": len(unfinished),
        "failed": [(each, outcome(each)) for each in sorted_out["failed"][:SHOWN]],
        "any_host": Host.objects.alive().exists(),
        "list_url": reverse("admin:phones_organizationphone_changelist"),
        "logged_out": Status.LOGGED_OUT.value,
        "quarantine_url": reverse("admin:phone_sessions_quarantine_changelist"),
    }
    return TemplateResponse(request, "phones/clearing.html", context)


def _asked(request: HttpRequest) -> QuerySet[PhoneRequest]:
    """The requests that the reader's own audit rows name."""
    entries = AuditEntry.objects.filter(
        user=request.user.pk or 0,
        verb="clear",
        pk__gt=_number(request, "after"),
        pk__lte=_number(request, "to"),
    )
    details = entries.values_list("detail", flat=True)
    ids = {detail["request"] for detail in details if "request" in detail}
    own = OrganizationPhone.objects.scoped(request.user, verbs.LEAST_ROLE["clear"])
    rows: PhoneRequestQuerySet = PhoneRequest.objects.filter(phone__in=own)
    return rows.filter(pk__in=ids).order_by("pk")


def _number(request: HttpRequest, name: str) -> int:
    return next(iter(row_ids([request.GET.get(name, "")])), 0)


def state_of(request: PhoneRequest) -> str:
    """A name of STATES."""
    if request.result:
        return "done" if request.result == Result.DONE else "failed"
    if request.claimed_epoch is not None:
        return "working"
    return "waiting" if request.expires_at > timezone.now() else "failed"


def _parts(counts: dict[str, int]) -> list[Part]:
    total = max(sum(counts.values()), 1)
    parts: list[Part] = []
    start = 0.0
    for name, tone, label in STATES:
        percent = 100 * counts[name] / total
        parts.append(Part(name, tone, str(label), counts[name], start, percent))
        start += percent
    return parts
