"""The history in the admin: read-only, and fast on a million rows.

No date_hierarchy (seconds per page on SQLite), no filter that needs a DISTINCT, no
order but by time, no full count.
"""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from metrics.filters import CauseFilter, MomentRange
from metrics.models import ConnectionMetrics
from metrics.paging import BoundedPaginator
from metrics.record_text import LOSSES, disconnect_record, duration
from phones.admin.scoping import OrgScoped
from phones.models import OrganizationPhone
from sessions.policy.causes import CAUSES, sentence, title

CODE_DIGITS = 3


@admin.register(ConnectionMetrics)
class ConnectionMetricsAdmin(OrgScoped):
    organization_path = "phone__organization"
    read_only = True
    list_display = (
        "at",
        "phone",
        "event",
        "cause_title",
        "error_code",
        "error_message",
        "connected_for",
        "last_action",
        "host",
    )
    list_filter = (("timestamp", MomentRange), "event", CauseFilter)
    list_filter_submit = True
    list_select_related = ("phone",)
    list_per_page = 50
    list_max_show_all = 50
    sortable_by = ("at",)
    search_fields = ("phone__phone_number",)
    search_help_text = _("Digits of a number, or an error code.")
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None
    fields = (
        "at",
        "phone",
        "event",
        "explained",
        "record",
        "error_code",
        "error_message",
        "connected_for",
        "last_action",
        "library_version",
        "host",
        "pairing",
        "shown_evidence",
    )
    readonly_fields = ("at", "explained", "record", "connected_for", "shown_evidence")

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[ConnectionMetrics],
        search_term: str,
    ) -> tuple[QuerySet[ConnectionMetrics], bool]:
        """By the few phones or the code; a LIKE over all rows would read them all."""
        if not search_term.strip():
            return queryset, False
        digits = "".join(filter(str.isdigit, search_term))
        if not digits:
            return queryset.none(), False
        if len(digits) <= CODE_DIGITS:
            return queryset.filter(error_code=int(digits)), False
        phones = OrganizationPhone.objects.scoped(request.user)
        found = phones.filter(phone_number__contains=digits).values_list(
            "pk", flat=True
        )
        return queryset.filter(phone_id__in=list(found)), False

    @admin.display(description=_("time"), ordering="timestamp")
    def at(self, row: ConnectionMetrics) -> str:
        """To the second: several events of one phone share a minute."""
        return f"{timezone.localtime(row.timestamp):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("cause"))
    def cause_title(self, row: ConnectionMetrics) -> SafeString | str:
        return _linked(row.cause, title(row.cause))

    @admin.display(description=_("time since connect"))
    def connected_for(self, row: ConnectionMetrics) -> str | None:
        seconds = row.connected_seconds
        return None if seconds is None else duration(seconds)

    @admin.display(description=_("cause"))
    def explained(self, row: ConnectionMetrics) -> SafeString | None:
        if not row.cause:
            return None
        values = {"code": row.error_code, **((row.evidence or {}).get("values") or {})}
        name = _linked(row.cause, f"{row.cause} ({title(row.cause)})")
        return format_html("{}: {}", name, sentence(row.cause, values))

    @admin.display(description=_("record"))
    def record(self, row: ConnectionMetrics) -> SafeString | None:
        """The DISCONNECT EVENT record with the whole number, to be copied."""
        if row.event not in LOSSES:
            return None
        number = row.phone.phone_jid or row.phone.phone_number
        return _preformatted(disconnect_record(row, number=number))

    @admin.display(description=_("evidence"))
    def shown_evidence(self, row: ConnectionMetrics) -> SafeString | None:
        if not row.evidence:
            return None
        return _preformatted(json.dumps(row.evidence, indent=2, ensure_ascii=False))


def _linked(cause_id: str, words: str) -> SafeString | str:
    """`words` with a link to the page of a cause that the catalogue knows."""
    if cause_id not in CAUSES:
        return words
    url = reverse("cause", args=[cause_id])
    return format_html('<a class="sb-link" href="{}">{}</a>', url, words)


def _preformatted(text: str) -> SafeString:
    return format_html('<pre class="sb-record">{}</pre>', text)
