"""The quarantine: keys that were cleared or ended, and the way back for some."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from phones.addresses import page_of, verb_url
from phones.admin.scoping import Access, NumberSearch, OrgScoped
from phones.models import Organization
from phones.templatetags.moments import ago, exactly
from sessions import verbs
from sessions.models import Quarantine
from sessions.policy.causes import CAUSES, title
from sessions.stand_in import see_through

PREFIX = "phone_sessions_quarantine"


class UsableFilter(admin.SimpleListFilter):
    """By what the row itself says; the page tells what else is in the way."""

    title = gettext_lazy("put back")
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("never logged out")), ("no", _("logged out"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Quarantine]
    ) -> QuerySet[Quarantine]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(logged_out=self.value() == "no")


@admin.register(Quarantine)
class QuarantineAdmin(NumberSearch, OrgScoped):
    """The rows carry the organization's id without a relation, as BaileysAuth does."""

    organization_path = "organization_id"
    read_only = True
    change_list_template = "admin/phone_sessions/quarantine/change_list.html"
    change_form_template = "admin/phone_sessions/quarantine/change_form.html"
    list_display = ("moment", "about", "why", "who", "amount", "usable", "purged")
    list_display_links = ("moment",)
    list_filter = (UsableFilter,)
    list_select_related = ("phone__organization", "user")
    search_fields = ("phone_jid",)
    search_help_text = gettext_lazy("Digits of a number")
    ordering = ("-id",)
    sortable_by = ()
    list_per_page = 50
    actions = None
    fields = (
        "moment",
        "about",
        "organization",
        "why",
        "who",
        "amount",
        "sequence",
        "purged",
    )
    readonly_fields = fields

    @admin.display(description=gettext_lazy("time"))
    def moment(self, kept: Quarantine) -> str:
        return exactly(kept.at)

    @admin.display(description=gettext_lazy("phone"))
    def about(self, kept: Quarantine) -> SafeString | str:
        if kept.phone is None:
            return _("+%(number)s, removed since") % {"number": kept.phone_jid}
        return format_html('<a href="{}">{}</a>', page_of(kept.phone), kept.phone)

    @admin.display(description=gettext_lazy("organization"))
    def organization(self, kept: Quarantine) -> str:
        owner = Organization.objects.filter(pk=kept.organization_id).first()
        return str(owner) if owner is not None else "–"

    @admin.display(description=gettext_lazy("why"))
    def why(self, kept: Quarantine) -> str:
        return title(kept.reason) if kept.reason in CAUSES else kept.reason

    @admin.display(description=gettext_lazy("who"))
    def who(self, kept: Quarantine) -> str:
        """A person, or nobody: WhatsApp ended it, or the command line cleared it."""
        if kept.user is not None:
            return kept.user.get_username()
        return "–" if kept.logged_out else _("the command line")

    @admin.display(description=gettext_lazy("rows"))
    def amount(self, kept: Quarantine) -> int:
        return kept.row_count

    @admin.display(description=gettext_lazy("sequence"))
    def sequence(self, kept: Quarantine) -> int:
        return kept.auth_sequence

    @admin.display(description=gettext_lazy("put back"))
    def usable(self, kept: Quarantine) -> SafeString:
        reason = verbs.why_not_put_back(kept)
        tone, label = ("plain", _("no")) if reason else ("good", _("possible"))
        return format_html(
            '<span class="sb-badge" data-tone="{}" title="{}">{}</span>',
            tone,
            reason,
            label,
        )

    @admin.display(description=gettext_lazy("purged"))
    def purged(self, kept: Quarantine) -> SafeString | str:
        return ago(kept.purge_at)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(put_back)
        own = [path("<int:object_id>/put_back/", view, name=f"{PREFIX}_put_back")]
        return own + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {"days": settings.WHATSAPP_QUARANTINE.days, **(extra_context or {})}
        found: HttpResponse = super().changelist_view(request, extra)
        return found

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context.update(_explained(request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)


def _explained(request: HttpRequest, kept: Quarantine) -> dict[str, Any]:
    """What the page says above the facts: can they be put back, and if not, why."""
    reason = verbs.why_not_put_back(kept)
    least = verbs.LEAST_ROLE["put_back"]
    may = Access.of(request).may(least, kept.organization_id)
    url = reverse(f"admin:{PREFIX}_put_back", args=[kept.pk])
    return {
        "title": _("Keys in the quarantine"),
        "subtitle": None,
        "kept": kept,
        "reason": reason,
        "put_back_url": url if may and not reason else "",
        "phone_url": page_of(kept.phone) if kept.phone is not None else "",
        "auth_url": verb_url(kept.phone, "auth") if kept.phone is not None else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
def put_back(request: HttpRequest, object_id: int) -> HttpResponse:
    """Confirm (GET) and ask (POST)."""
    kept = _kept_for(request, object_id)
    page = reverse(f"admin:{PREFIX}_change", args=[kept.pk])
    if request.method == "POST":
        return _do(request, kept, page)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        **_explained(request, kept),
        "title": _("Put keys back"),
        "lines": _what_happens(),
        "page": page,
    }
    return TemplateResponse(request, "phones/confirm_put_back.html", context)


def _kept_for(request: HttpRequest, pk: int) -> Quarantine:
    """Raises Http404 for foreign keys, PermissionDenied below the role."""
    access = Access.of(request)
    rows = Quarantine.objects.select_related("phone__organization", "user")
    if not access.everything:
        own = Organization.objects.scoped(request.user)
        rows = rows.filter(organization_id__in=own.values("pk"))
    kept = get_object_or_404(rows, pk=pk)
    if not access.may(verbs.LEAST_ROLE["put_back"], kept.organization_id):
        raise PermissionDenied
    return kept


def _do(request: HttpRequest, kept: Quarantine, page: str) -> HttpResponse:
    try:
        asked = verbs.put_back(kept, request.user)
    except verbs.VerbRefused as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(page)
    see_through([asked])
    messages.success(request, _("Asked to put the keys back; it takes some seconds."))
    phone = kept.phone
    return HttpResponseRedirect(page_of(phone) if phone is not None else page)


def _what_happens() -> list[str]:
    return [
        _("The keys leave the quarantine and are the phone's again: no scan."),
        _("A phone that is wanted to run starts with them; another one with Start."),
        _(
            "If the device was removed on the phone meanwhile, WhatsApp answers 401 "
            "and the phone must be scanned after all."
        ),
        _(
            "Do not put keys back that another program has used since, for example a "
            "Baileys server they were exported to: two copies destroy each other."
        ),
    ]
