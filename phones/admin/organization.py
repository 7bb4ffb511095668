"""Organizations and their members."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy

from phones.admin.clearing import LEAST, clear_organization, with_keys
from phones.admin.scoping import Access, OrgScoped
from phones.models import (
    AuditEntry,
    Membership,
    Organization,
    OrganizationPhone,
    Role,
)
from phones.theme import TabularInline


class MemberInline(TabularInline):
    """Stewards see and change who is in; they can add people they know already."""

    model = Membership
    extra = 0
    verbose_name = gettext_lazy("member")
    verbose_name_plural = gettext_lazy("members")

    def _may(self, request: HttpRequest, organization: Any) -> bool:
        # Without an organization Django asks whether rows may be read at all.
        where = organization.pk if organization is not None else None
        return Access.of(request).may(Role.STEWARD, where)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("user",) if Access.of(request).everything else ()

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "user" and not Access.of(request).everything:
            own = Organization.objects.scoped(request.user, Role.STEWARD)
            known = User.objects.filter(memberships__organization__in=own)
            kwargs["queryset"] = known.distinct()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Organization)
class OrganizationAdmin(OrgScoped):
    organization_path = "pk"
    least_add = None
    least_delete = None
    list_display = ("name", "phone_count", "member_count", "created_at")
    ordering = ("name",)  # Meta's is not used where rows are counted
    search_fields = ("name",)
    fields = ("name",)
    inlines = (MemberInline,)
    actions = None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Organization]:
        rows: models.QuerySet[Organization] = super().get_queryset(request)
        return rows.annotate(
            n_phones=Count("phones", distinct=True),
            n_members=Count("memberships", distinct=True),
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(clear_organization)
        own = [path("<int:object_id>/clear/", view, name="phones_organization_clear")]
        return own + super().get_urls()

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None and Access.of(request).may(LEAST, obj.pk):
            phones = OrganizationPhone.objects.filter(organization=obj)
            context["with_keys"] = with_keys(phones).count()
            context["clear_url"] = reverse(
                "admin:phones_organization_clear", args=[obj.pk]
            )
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description=gettext_lazy("phones"), ordering="n_phones")
    def phone_count(self, organization: Organization) -> int:
        return int(organization.n_phones)  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("members"), ordering="n_members")
    def member_count(self, organization: Organization) -> int:
        return int(organization.n_members)  # type: ignore[attr-defined]

    def save_formset(
        self, request: HttpRequest, form: Any, formset: Any, change: bool
    ) -> None:
        super().save_formset(request, form, formset, change)
        changed = [row for row, _ in formset.changed_objects]
        for verb, rows in (
            ("member_added", formset.new_objects),
            ("member_changed", changed),
            ("member_removed", formset.deleted_objects),
        ):
            for membership in rows:
                _leave_trace(request, verb, membership)


def _leave_trace(request: HttpRequest, verb: str, membership: Membership) -> None:
    AuditEntry.objects.create(
        verb=verb,
        actor=request.user.get_username(),
        user_id=request.user.pk,
        organization_id=membership.organization_id,
        number="",
        detail={"member": membership.user.get_username(), "role": membership.role},
    )
