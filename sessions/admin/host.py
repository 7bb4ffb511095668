"""Servers that run sessions: for superusers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.db.models import Count, Exists, Min, OuterRef
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from phones.admin.scoping import SuperusersOnly
from phones.admin.story import Story, told
from phones.models import OrganizationPhone
from phones.templatetags.moments import ago
from sessions.admin.host_acts import ACTS, PREFIX, act
from sessions.models import Host

SHOWN_PHONES = 500
STATES = {
    "running": ("good", gettext_lazy("running")),
    "draining": ("warn", gettext_lazy("draining")),
    "leaving": ("warn", gettext_lazy("stopping")),
    "silent": ("bad", gettext_lazy("silent")),
    "stopped": ("plain", gettext_lazy("stopped")),
}


@admin.register(Host)
class HostAdmin(SuperusersOnly):
    list_display = (
        "name",
        "state",
        "phones",
        "heartbeat",
        "lease",
        "load_now",
        "memory_now",
        "versions",
        "uptime",
    )
    list_display_links = ("name",)
    ordering = ("name",)
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # Forget does it, and asks first whether it may

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Host]:
        rows: models.QuerySet[Host] = super().get_queryset(request)
        alive = Host.objects.alive().filter(pk=OuterRef("pk"))
        return rows.annotate(
            n_phones=Count("leases"),
            alive=Exists(alive),
            oldest=Min("leases__expires_at"),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return []  # the page has its own card of facts

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        acts = [
            path(
                f"<uuid:object_id>/{name}/",
                view(act),
                {"name": name},
                f"{PREFIX}_{name}",
            )
            for name in ACTS
        ]
        return [*acts, *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        kept = told(OrganizationPhone.objects.filter(lease__host=obj))
        context |= {
            "title": str(obj),
            "subtitle": None,
            "host": obj,
            "facts": [
                (
                    self.__class__.__dict__[name].short_description,
                    getattr(self, name)(obj),
                )
                for name in self.list_display[1:]
            ],
            "stories": [Story.of(phone) for phone in kept[:SHOWN_PHONES]],
            "buttons": [
                (ACTS[name], reverse(f"admin:{PREFIX}_{name}", args=[obj.pk]))
                for name in _offered(obj)
            ],
        }
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description=gettext_lazy("state"))
    def state(self, host: Host) -> SafeString:
        tone, label = STATES[state_of(host)]
        return format_html(
            '<span class="sb-badge" data-tone="{}">{}</span>', tone, label
        )

    @admin.display(description=gettext_lazy("phones"), ordering="n_phones")
    def phones(self, host: Host) -> str:
        return f"{host.n_phones} / {host.capacity}"  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("heartbeat"), ordering="beat_at")
    def heartbeat(self, host: Host) -> SafeString | str:
        return ago(host.beat_at)

    @admin.display(description=gettext_lazy("oldest lease renewed"), ordering="oldest")
    def lease(self, host: Host) -> SafeString | str:
        until = host.oldest  # type: ignore[attr-defined]
        return ago(until - settings.WHATSAPP_LEASE_TTL if until else None)

    @admin.display(description=gettext_lazy("load"), ordering="load")
    def load_now(self, host: Host) -> str:
        return "–" if host.load is None else f"{host.load:.2f}"

    @admin.display(description=gettext_lazy("memory of sessions"), ordering="memory")
    def memory_now(self, host: Host) -> str:
        return "–" if host.memory is None else filesizeformat(host.memory * 1024)

    @admin.display(description=gettext_lazy("versions"))
    def versions(self, host: Host) -> str:
        ours = f"switchboard {host.software_version}" if host.software_version else ""
        return " · ".join(filter(None, (ours, host.library_version))) or "–"

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def uptime(self, host: Host) -> SafeString | str:
        if state_of(host) == "stopped":
            return format_html("{} {}", _("stopped"), ago(host.stopped_at))
        return ago(host.started_at)


def state_of(host: Host) -> str:
    """A key of STATES, for a host that was annotated with `alive`."""
    if host.stopped_at is not None:
        return "stopped"
    if not host.alive:  # type: ignore[attr-defined]
        return "silent"
    if host.leaving:
        return "leaving"
    return "draining" if host.draining else "running"


def _offered(host: Host) -> list[str]:
    """Verbs that make sense now."""
    state = state_of(host)
    if state in ("silent", "stopped"):
        return ["end_drain", "forget"] if host.draining else ["forget"]
    return ["end_drain"] if host.draining else ["drain"]
