"""What a person may see and do in the admin: their organizations, by their role.

Django's model permissions are not asked: the role of a Membership decides, and
superusers may everything. Staff without a membership see nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.http import HttpRequest

from phones.admin.chosen_rows import ChosenRows
from phones.models import Membership, Organization, Role
from phones.models.organization import ROLE_RANK
from phones.theme import ModelAdmin

if TYPE_CHECKING:
    from django.forms import ModelChoiceField, ModelForm

    from phones.models.organization import Person


class Access:
    """The roles of one person, read once per request."""

    def __init__(self, user: Person) -> None:
        active = user.is_authenticated and user.is_active
        self.everything = active and bool(getattr(user, "is_superuser", False))
        self.roles: dict[int, Role] = {}
        if active and not self.everything:
            self.roles = {
                organization_id: Role(role)
                for organization_id, role in Membership.objects.filter(
                    user=user.pk
                ).values_list("organization_id", "role")
            }

    @classmethod
    def of(cls, request: HttpRequest) -> Access:
        known: Access | None = getattr(request, "_access", None)
        if known is None:
            known = cls(request.user)
            request._access = known  # type: ignore[attr-defined]
        return known

    def may(self, least: Role, organization_id: int | None = None) -> bool:
        """The role `least` or more, there or (without an id) in any organization."""
        if self.everything:
            return True
        if organization_id is None:
            return any(
                ROLE_RANK[role] >= ROLE_RANK[least] for role in self.roles.values()
            )
        role = self.roles.get(organization_id)
        return role is not None and ROLE_RANK[role] >= ROLE_RANK[least]


class OrgScoped(ModelAdmin):
    """An admin of rows that belong to an organization.

    organization_path: the way from a row to its organization, as a lookup.
    least_*: the role for it; None: nobody but superusers; `read_only`: nobody at all.
    """

    organization_path: ClassVar[str] = "organization"
    least_view: ClassVar[Role] = Role.VIEWER
    least_change: ClassVar[Role | None] = Role.STEWARD
    least_add: ClassVar[Role | None] = Role.STEWARD
    least_delete: ClassVar[Role | None] = Role.STEWARD
    read_only: ClassVar[bool] = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        if Access.of(request).everything:
            return rows
        own = Organization.objects.scoped(request.user, self.least_view)
        return rows.filter(**{f"{self.organization_path}__in": own})

    def organization_id_of(self, obj: Any) -> int | None:
        """The organization that `obj` belongs to."""
        for name in self.organization_path.split("__"):
            obj = getattr(obj, name, None)
        found: int | None = obj.pk if isinstance(obj, models.Model) else obj
        return found

    def _may(self, request: HttpRequest, least: Role | None, obj: Any) -> bool:
        access = Access.of(request)
        if least is None or access.everything:
            return access.everything
        if obj is None:
            return access.may(least)
        organization_id = self.organization_id_of(obj)
        return organization_id is not None and access.may(least, organization_id)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.least_view, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not self.read_only and self._may(request, self.least_add, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.read_only and self._may(request, self.least_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.read_only and self._may(request, self.least_delete, obj)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.related_model is Organization and self.least_change is not None:
            kwargs["queryset"] = Organization.objects.scoped(
                request.user, self.least_change
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        # The form carries what its reader saw: a value somebody changed meanwhile is
        # then not "changed back" by a form that never touched it.
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.show_hidden_initial = True
        return field

    def save_model(
        self,
        request: HttpRequest,
        obj: models.Model,
        form: ModelForm[Any],
        change: bool,
    ) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        names = {field.name for field in obj._meta.concrete_fields}
        changed = [name for name in form.changed_data if name in names]
        if changed:
            obj.save(update_fields=[*changed, *_automatic(obj)])


class NumberSearch(ModelAdmin):
    """An admin whose rows are searched by phone number."""

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """People write numbers with +, spaces and dashes."""
        digits = "".join(char for char in search_term if char.isdigit())
        return super().get_search_results(request, queryset, digits or search_term)


class SuperusersOnly(ChosenRows):
    """An admin that nobody else sees, whatever Django permissions they were given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return Access.of(request).everything

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Access.of(request).everything

    def has_add_permission(self, request: HttpRequest) -> bool:
        return Access.of(request).everything

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Access.of(request).everything

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Access.of(request).everything


def _automatic(obj: models.Model) -> list[str]:
    return [
        field.name
        for field in obj._meta.concrete_fields
        if getattr(field, "auto_now", False)
    ]
