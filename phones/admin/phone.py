"""Phones: the list, the page with its story, and the addresses of their verbs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.models import ConnectionMetrics
from phones.addresses import page_of, phone_socket, rows_socket, verb_url
from phones.admin.auth_records import check_now, records
from phones.admin.cells import slot, slot_name
from phones.admin.clearing import clear_everything
from phones.admin.clearing_progress import progress
from phones.admin.filters import AuthVerdictFilter, NeedsPersonFilter
from phones.admin.fragments import PARTS, parts
from phones.admin.guards import why_busy
from phones.admin.incident_banner import banner_context
from phones.admin.moving import move_one, move_url
from phones.admin.phone_form import PhoneForm
from phones.admin.proxy import change_proxy, proxy_context
from phones.admin.scoping import Access, NumberSearch, OrgScoped
from phones.admin.several import SeveralPhones
from phones.admin.story import Story, told
from phones.admin.wording import VERBS
from phones.models import AuditEntry, OrganizationPhone, Role
from phones.theme import RelatedOnlyFieldListFilter
from phones.views import act, scan
from sessions.models import Pairing
from sessions.verbs import LEAST_ROLE

PREFIX = "phones_organizationphone"


@admin.register(OrganizationPhone)
class PhoneAdmin(SeveralPhones, NumberSearch, OrgScoped):
    form = PhoneForm
    fields = ("organization", "phone_number")
    autocomplete_fields = ("organization",)
    list_display = (
        "number",
        "organization",
        "status_now",
        "cause",
        "since",
        "host",
        "last_action",
    )
    list_display_links = ("number",)
    list_filter = (
        "status",
        NeedsPersonFilter,
        AuthVerdictFilter,
        ("organization", RelatedOnlyFieldListFilter),
    )
    search_fields = ("phone_number",)
    search_help_text = gettext_lazy("Number, or a part of it")
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[OrganizationPhone]:
        return told(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        verbs = [
            path(
                f"<int:phone_id>/{verb}/", view(act), {"verb": verb}, f"{PREFIX}_{verb}"
            )
            for verb in VERBS
        ]
        pages = [
            path("<int:phone_id>/qr/", view(scan), name=f"{PREFIX}_scan"),
            path("clear/", view(clear_everything), name=f"{PREFIX}_clear_all"),
            path("clearing/", view(progress), name=f"{PREFIX}_clearing"),
            path("<int:phone_id>/auth/", view(records), name=f"{PREFIX}_auth"),
            path("<int:phone_id>/auth/check/", view(check_now), name=f"{PREFIX}_check"),
            path("<int:phone_id>/move/", view(move_one), name=f"{PREFIX}_move"),
            path("<int:phone_id>/proxy/", view(change_proxy), name=f"{PREFIX}_proxy"),
        ]
        return [*verbs, *pages, *super().get_urls()]

    # The list

    @admin.display(description=gettext_lazy("number"), ordering="phone_number")
    def number(self, phone: OrganizationPhone) -> str:
        return str(phone)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_now(self, phone: OrganizationPhone) -> SafeString:
        return slot(_story(phone), "status")

    @admin.display(description=gettext_lazy("what it means"))
    def cause(self, phone: OrganizationPhone) -> SafeString:
        return slot(_story(phone), "cause")

    @admin.display(description=gettext_lazy("since"), ordering="facts__since")
    def since(self, phone: OrganizationPhone) -> SafeString:
        return slot(_story(phone), "since")

    @admin.display(description=gettext_lazy("server"), ordering="facts__host_name")
    def host(self, phone: OrganizationPhone) -> SafeString:
        return slot(_story(phone), "host")

    @admin.display(description=gettext_lazy("last action"))
    def last_action(self, phone: OrganizationPhone) -> SafeString:
        return slot(_story(phone), "action")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context is not None and "cl" in context:
            listed = context["cl"].result_list
            shown = [phone.pk for phone in listed]
            context["socket"] = rows_socket(shown) if shown else ""
            organizations = {phone.organization_id for phone in listed}
            context.update(banner_context(request, organizations))
            context["member"] = Access.of(request).may(Role.VIEWER)
            everything = Access.of(request).everything
            context["clear_url"] = (
                reverse(f"admin:{PREFIX}_clear_all") if everything else ""
            )
            context["add_url"] = reverse(f"admin:{PREFIX}_add")
        return response

    # The page

    def get_readonly_fields(
        self, request: HttpRequest, obj: Any = None
    ) -> tuple[str, ...]:
        # Keys and history are filed under the organization: a phone does not move.
        return ("organization",) if obj is not None else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        access = Access.of(request)
        own = [pk for pk in access.roles if access.may(Role.STEWARD, pk)]
        only = {"organization": own[0]} if len(own) == 1 else {}
        return {**only, **super().get_changeform_initial_data(request)}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["show_save_and_add_another"] = context["show_save_and_continue"] = False
        if obj is not None:
            context.update(self._story_context(request, obj))
            context.update(proxy_context(request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _story_context(
        self, request: HttpRequest, phone: OrganizationPhone
    ) -> dict[str, Any]:
        story = Story.of(phone)
        return {
            "title": str(phone),
            "subtitle": None,
            "story": story,
            "parts": parts(story),
            "slots": {part: slot_name(phone.pk, part) for part in PARTS},
            "socket": phone_socket(phone),
            "buttons": _buttons(story, Access.of(request)),
            **banner_context(request, [phone.organization_id]),
            "move_url": move_url(request, phone),
            "auth_url": verb_url(phone, "auth"),
            "audit_url": reverse("admin:phones_auditentry_changelist")
            + f"?q={phone.phone_number}",
            "history_url": reverse("admin:metrics_connectionmetrics_changelist")
            + f"?q={phone.phone_number}",
        }

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        """On to the phone's page: Link is the next step."""
        answer = super().response_add(request, obj, post_url_continue)
        in_popup = "_popup" in request.POST
        return answer if in_popup else HttpResponseRedirect(page_of(obj))

    def save_model(
        self, request: HttpRequest, obj: models.Model, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data and isinstance(obj, OrganizationPhone):
            verb = "change_phone" if change else "add_phone"
            AuditEntry.objects.record(verb=verb, phone=obj, user=request.user)

    # Removing

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with transaction.atomic():
            phone = self.get_object(request, object_id)
            if phone is not None and self.has_delete_permission(request, phone):
                reason = why_busy(phone)
                if reason:
                    messages.error(request, reason)
                    return HttpResponseRedirect(page_of(phone))
            return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: OrganizationPhone) -> None:
        AuditEntry.objects.record(verb="delete_phone", phone=obj, user=request.user)
        super().delete_model(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """A phone's history can be long: what goes with it is counted, not listed."""
        events = ConnectionMetrics.objects.filter(phone__in=objs).count()
        pairings = Pairing.objects.filter(phone__in=objs).count()
        counts = {
            str(_("phones")): len(objs),
            str(_("events of their history")): events,
            str(_("pairings")): pairings,
        }
        return [str(phone) for phone in objs], counts, set(), []


def _story(phone: OrganizationPhone) -> Story:
    """One Story for all cells of a row."""
    known: Story | None = phone.__dict__.get("_story")
    if known is None:
        known = phone.__dict__["_story"] = Story.of(phone)
    return known


def _buttons(story: Story, access: Access) -> list[dict[str, Any]]:
    """Buttons of the verbs this person may use; scripts show those that make sense."""
    phone = story.phone
    offers = story.offers
    buttons: list[dict[str, Any]] = [
        {
            "verb": verb.name,
            "label": verb.label,
            "icon": verb.icon,
            "url": verb_url(phone, verb.name),
            "kind": "danger" if verb.danger else "",
            "offered": verb.name in offers,
        }
        for verb in VERBS.values()
        if access.may(LEAST_ROLE[verb.name], phone.organization_id)
    ]
    if access.may(LEAST_ROLE["link"], phone.organization_id):
        show_code = {
            "verb": "scan",
            "label": _("Show the code"),
            "icon": "qr_code_2",
            "url": verb_url(phone, "scan"),
            "kind": "primary",
            "offered": "scan" in offers,
        }
        buttons.insert(0, show_code)
    for button in buttons:
        if button["verb"] in ("link", "start"):
            button["kind"] = "primary"
    return buttons
