"""Alerts: what somebody was told, or must be told; nobody changes it here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from config.alert_address import AlertAddress
from phones.addresses import page_of
from phones.admin.scoping import Access, OrgScoped
from phones.models import Organization
from phones.templatetags.moments import ago, exactly, until
from sessions.alerts import channel
from sessions.alerts.channel import NotDelivered
from sessions.alerts.message import trial_message
from sessions.alerts.wording import alert_sentence
from sessions.models import Alert


def open_alerts(request: HttpRequest) -> QuerySet[Alert]:
    """Those that this person may see: of phones of their own organizations."""
    alerts = Alert.objects.open()
    if Access.of(request).everything:
        return alerts
    return alerts.filter(organization__in=Organization.objects.scoped(request.user))


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open")), ("over", _("over"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Alert]
    ) -> QuerySet[Alert]:
        if self.value() not in ("open", "over"):
            return queryset
        return queryset.filter(over_at__isnull=self.value() == "open")


@admin.register(Alert)
class AlertAdmin(OrgScoped):
    """Alerts of servers and incidents belong to no organization: superusers only."""

    read_only = True
    change_list_template = "admin/phone_sessions/alert/change_list.html"
    list_display = ("state", "about", "shown_kind", "what", "since", "over", "told")
    list_display_links = ("state",)
    list_filter = (OpenFilter, "kind")
    list_select_related = ("organization", "phone", "host", "incident")
    search_fields = ("phone__phone_number", "host__name")
    search_help_text = gettext_lazy("Digits of a number, or the name of a server")
    ordering = (F("over_at").desc(nulls_first=True), "-id")
    sortable_by = ()
    actions = None
    fields = (
        "state",
        "about",
        "organization",
        "shown_kind",
        "what",
        "since",
        "over",
        "told",
        "told_at",
        "told_over_at",
        "tries",
        "last_error",
    )
    readonly_fields = ("state", "about", "shown_kind", "what", "since", "over", "told")

    @admin.display(description=gettext_lazy("state"))
    def state(self, alert: Alert) -> SafeString:
        tone, label = (
            ("bad", _("open")) if alert.over_at is None else ("plain", _("over"))
        )
        return format_html(
            '<span class="sb-badge" data-tone="{}">{}</span>', tone, label
        )

    @admin.display(description=gettext_lazy("about"))
    def about(self, alert: Alert) -> SafeString | str:
        if alert.phone is not None:
            url = page_of(alert.phone)
            return format_html('<a href="{}">{}</a>', url, alert.phone)
        named = alert.incident if alert.incident is not None else alert.host
        if named is None:
            return "–"
        model = named._meta.model_name
        url = reverse(f"admin:phone_sessions_{model}_change", args=[named.pk])
        name = _("incident %(id)s") % {"id": named.pk} if alert.incident else named
        return format_html('<a href="{}">{}</a>', url, name)

    @admin.display(description=gettext_lazy("kind"))
    def shown_kind(self, alert: Alert) -> str:
        return str(alert.get_kind_display())

    @admin.display(description=gettext_lazy("what and what to do"))
    def what(self, alert: Alert) -> str:
        return alert_sentence(alert)

    @admin.display(description=gettext_lazy("since"))
    def since(self, alert: Alert) -> SafeString | str:
        return ago(alert.raised_at)

    @admin.display(description=gettext_lazy("over"))
    def over(self, alert: Alert) -> str:
        return exactly(alert.over_at)

    @admin.display(description=gettext_lazy("told"))
    def told(self, alert: Alert) -> SafeString | str:
        """Where the delivery is, and why it did not go on."""
        if alert.last_error and alert.next_try_at is not None:
            return format_html(
                "{}: {} · {}", _("not told"), alert.last_error, until(alert.next_try_at)
            )
        if alert.last_error:
            return f"{_('not told')}: {alert.last_error}"
        if alert.told_at is not None:
            return _("told %(time)s") % {"time": exactly(alert.told_at)}
        if alert.phone is not None and alert.incident is not None:
            return _("told with its incident")
        return _("not told")

    def get_urls(self) -> list[Any]:
        send = self.admin_site.admin_view(require_POST(self.send_trial))
        own = [path("test/", send, name="phone_sessions_alert_test")]
        return own + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        address = channel.configured()
        everything = Access.of(request).everything
        extra = {
            "where": address.shown if address is not None and everything else "",
            "may_test": everything,
            "nowhere": address is None and everything,
            **(extra_context or {}),
        }
        found: HttpResponse = super().changelist_view(request, extra)
        return found

    def send_trial(self, request: HttpRequest) -> HttpResponse:
        """Send one message now, so that somebody sees whether it arrives."""
        if not Access.of(request).everything:
            return HttpResponse(status=403)
        address = channel.configured()
        if address is None:
            messages.error(request, _("WHATSAPP_ALERT_URL is not set."))
        else:
            self._send(request, address)
        return HttpResponseRedirect(reverse("admin:phone_sessions_alert_changelist"))

    def _send(self, request: HttpRequest, address: AlertAddress) -> None:
        shown = {"where": address.shown}
        try:
            channel.send(address, trial_message(request.user.get_username()))
        except NotDelivered as error:
            text = _("The test alert did not reach %(where)s: %(error)s.")
            messages.error(request, text % {**shown, "error": error})
        else:
            text = _("The test alert was sent to %(where)s; look whether it is there.")
            messages.success(request, text % shown)
