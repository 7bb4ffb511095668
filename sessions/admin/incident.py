"""Incidents: many phones that failed alike; read-only, for superusers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.record_text import duration
from phones.addresses import page_of
from phones.admin.incident_banner import MEANINGS
from phones.admin.scoping import SuperusersOnly
from phones.templatetags.moments import ago, exactly, until
from sessions.models import Host, Incident
from sessions.policy.cause_texts import NETWORK_WORDS
from sessions.policy.causes import title

SHOWN_PHONES = 50


class ActiveFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("on", _("on")), ("over", _("over"))]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Incident]
    ) -> models.QuerySet[Incident]:
        if self.value() not in ("on", "over"):
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "on")


@admin.register(Incident)
class IncidentAdmin(SuperusersOnly):
    change_list_template = "admin/phone_sessions/incident/change_list.html"
    list_display = (
        "what",
        "state",
        "scope",
        "since",
        "lasted",
        "phone_count",
        "probes",
    )
    list_display_links = ("what",)
    list_filter = (ActiveFilter, "kind")
    list_select_related = ("host",)
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    fields = (
        "what",
        "state",
        "meaning",
        "scope",
        "first_cause",
        "since",
        "lasted",
        "over",
        "phone_count",
        "phones_now",
        "probes",
        "last_canary",
        "next_attempt",
        "last_failure",
    )
    readonly_fields = (
        "what",
        "state",
        "meaning",
        "scope",
        "first_cause",
        "since",
        "lasted",
        "over",
        "phones_now",
        "last_canary",
        "next_attempt",
        "last_failure",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("what"))
    def what(self, incident: Incident) -> str:
        return str(incident.get_kind_display())

    @admin.display(description=gettext_lazy("state"))
    def state(self, incident: Incident) -> SafeString:
        tone, label = (
            ("bad", _("on")) if incident.ended_at is None else ("plain", _("over"))
        )
        return format_html(
            '<span class="sb-badge" data-tone="{}">{}</span>', tone, label
        )

    @admin.display(description=gettext_lazy("what it means"))
    def meaning(self, incident: Incident) -> str:
        return str(MEANINGS[Incident.Kind(incident.kind)])

    @admin.display(description=gettext_lazy("of"))
    def scope(self, incident: Incident) -> str:
        if incident.host is None:
            return _("the whole fleet")
        return _("server %(name)s") % {"name": incident.host}

    @admin.display(description=gettext_lazy("cause"))
    def first_cause(self, incident: Incident) -> str:
        detail = NETWORK_WORDS.get(incident.message, incident.message)
        shown = title(incident.cause)
        return f"{shown}: {detail}" if detail else shown

    @admin.display(description=gettext_lazy("since"))
    def since(self, incident: Incident) -> SafeString | str:
        return ago(incident.started_at)

    @admin.display(description=gettext_lazy("lasted"))
    def lasted(self, incident: Incident) -> str:
        ended = incident.ended_at or timezone.now()
        return duration((ended - incident.started_at).total_seconds())

    @admin.display(description=gettext_lazy("ended"))
    def over(self, incident: Incident) -> str:
        return exactly(incident.ended_at)

    @admin.display(description=gettext_lazy("phones in it now"))
    def phones_now(self, incident: Incident) -> SafeString | str:
        if incident.ended_at is not None:
            return "–"
        phones = incident.phones().select_related("organization").order_by("pk")
        shown = [
            (page_of(phone), phone, phone.organization, phone.get_status_display())
            for phone in phones[:SHOWN_PHONES]
        ]
        lines = format_html_join(
            "",
            '<li><a href="{}">{}</a> <span class="sb-meta">{} · {}</span></li>',
            shown,
        )
        more = phones.count() - len(shown)
        rest = format_html("<li>… +{}</li>", more) if more > 0 else ""
        return format_html('<ul class="sb-list">{}{}</ul>', lines, rest)

    @admin.display(description=gettext_lazy("last single attempt by"))
    def last_canary(self, incident: Incident) -> SafeString | str:
        if incident.canary is None:
            return "–"
        url = page_of(incident.canary)
        return format_html('<a href="{}">{}</a>', url, incident.canary)

    @admin.display(description=gettext_lazy("next attempt"))
    def next_attempt(self, incident: Incident) -> SafeString | str:
        """None when nothing is tried, or when there is nobody who would."""
        if incident.ended_at is not None or not incident.waits:
            return "–"
        if not Host.objects.alive().exists():
            url = reverse("admin:phone_sessions_host_changelist")
            text = _("when a server runs again")
            return format_html('<a href="{}">{}</a>', url, text)
        return until(incident.next_probe_at)

    @admin.display(description=gettext_lazy("last failure"))
    def last_failure(self, incident: Incident) -> SafeString | str:
        return ago(incident.last_at)
