"""The catalogue of causes, for all who are signed in; counts are of own phones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from metrics.models import ConnectionMetrics
from metrics.record_text import LOSSES
from phones.admin.fragments import shown_event
from phones.admin.story import SERVED, Story, told
from phones.models import OrganizationPhone
from sessions.models import Host
from sessions.policy.cause_course import OUT_OF_ORDER, course, rules_in_force
from sessions.policy.cause_groups import GROUPS, PARTS, advice
from sessions.policy.causes import CAUSES, Cause, sentence, title
from sessions.policy.rule_texts import ACTIONS, CREDENTIALS, rule_in_words

COUNTED = timedelta(days=7)
LISTED = timedelta(days=30)
SHOWN_PHONES = 50
SHOWN_EVENTS = 20


@dataclass(frozen=True)
class Row:
    """A cause in the list, with what the reader's organizations have of it."""

    cause: Cause
    now: int
    losses: int
    events: int

    @property
    def codes(self) -> str:
        return ", ".join(map(str, self.cause.codes))

    @property
    def sentence(self) -> str:
        return sentence(self.cause.id)


@require_safe
def causes(request: HttpRequest) -> HttpResponse:
    """All causes by subject; `?q=` leaves those that contain every word."""
    words = request.GET.get("q", "").casefold().split()
    phones = OrganizationPhone.objects.scoped(request.user)
    now = _how_many_now(phones)
    lately = _lately(request, timezone.now() - COUNTED)
    groups = [
        (
            group,
            [
                Row(CAUSES[cause_id], now[cause_id], *lately.get(cause_id, (0, 0)))
                for cause_id in group.guides
                if _has(cause_id, words)
            ],
        )
        for group in GROUPS
    ]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Causes"),
        "groups": [(group, rows) for group, rows in groups if rows],
        "query": request.GET.get("q", ""),
        "days": COUNTED.days,
    }
    return TemplateResponse(request, "phones/causes.html", context)


@require_safe
def cause(request: HttpRequest, cause_id: str) -> HttpResponse:
    """What to know of one cause, and the reader's own phones that are in it."""
    found = CAUSES.get(cause_id)
    if found is None:
        raise Http404
    phones = _in_it(OrganizationPhone.objects.scoped(request.user), cause_id)
    rows = ConnectionMetrics.objects.scoped(request.user).filter(
        cause=cause_id, timestamp__gte=timezone.now() - LISTED
    )
    texts, words = advice(cause_id), course(cause_id, rules_in_force())
    ordered = [word for word in words if word not in OUT_OF_ORDER] or words
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": title(cause_id),
        "cause": found,
        "sentence": sentence(cause_id),
        "parts": [(part, label, texts[part]) for part, label in PARTS],
        "credentials": CREDENTIALS[found.credentials],
        "action": ACTIONS[found.action],
        "course": [rule_in_words(word) for word in ordered],
        **{word: rule_in_words(word) for word in words if word not in ordered},
        "stories": [Story.of(phone) for phone in phones[:SHOWN_PHONES]],
        "phone_count": phones.count(),
        "events": [
            shown_event(row)
            for row in rows.select_related("phone__organization")[:SHOWN_EVENTS]
        ],
        "days": LISTED.days,
        "history_url": reverse("admin:metrics_connectionmetrics_changelist")
        + f"?cause={cause_id}",
    }
    return TemplateResponse(request, "phones/cause.html", context)


def _in_it(
    phones: QuerySet[OrganizationPhone], cause_id: str
) -> QuerySet[OrganizationPhone]:
    """Those whose pages tell of this cause now."""
    if cause_id == "no_host" and not Host.objects.alive().exists():
        within = Q(status__in=SERVED)
    else:
        within = Q(facts__cause=cause_id) | Q(facts__warnings__has_key=cause_id)
    return told(phones.filter(within)).order_by("-facts__since")


def _how_many_now(phones: QuerySet[OrganizationPhone]) -> Counter[str]:
    counts: Counter[str] = Counter()
    facts = phones.order_by().exclude(facts=None)
    for cause_id, count in facts.values_list("facts__cause").annotate(n=Count("pk")):
        counts[cause_id] += count
    warned = facts.exclude(facts__warnings={})
    for own, warnings in warned.values_list("facts__cause", "facts__warnings"):
        counts.update(cause_id for cause_id in warnings if cause_id != own)
    if not Host.objects.alive().exists():
        counts["no_host"] = phones.filter(status__in=SERVED).count()
    return counts


def _lately(request: HttpRequest, since: datetime) -> dict[str, tuple[int, int]]:
    """{cause id: (losses, events of any kind)} since then."""
    rows = ConnectionMetrics.objects.scoped(request.user).filter(timestamp__gte=since)
    counted = (
        rows.order_by()
        .exclude(cause="")
        .values_list("cause")
        .annotate(losses=Count("pk", filter=Q(event__in=LOSSES)), events=Count("pk"))
    )
    return {cause_id: (losses, events) for cause_id, losses, events in counted}


def _has(cause_id: str, words: list[str]) -> bool:
    if not words:
        return True
    found = CAUSES[cause_id]
    texts: list[str | int | Promise] = [
        cause_id,
        found.baileys_name,
        found.title,
        found.sentence,
        *found.codes,
        *advice(cause_id).values(),
    ]
    text = " ".join(map(str, texts)).casefold()
    return all(word in text for word in words)


urlpatterns = [
    path("", admin.site.admin_view(causes), name="causes"),
    path("<slug:cause_id>/", admin.site.admin_view(cause), name="cause"),
]
