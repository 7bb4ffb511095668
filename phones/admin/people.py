"""Accounts, groups and refused logins: for superusers only."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from phones.admin.scoping import SuperusersOnly
from phones.models import Membership
from phones.theme import (
    AdminPasswordChangeForm,
    TabularInline,
    UserChangeForm,
    UserCreationForm,
)

for model in (User, Group, AccessAttempt, AccessFailureLog, AccessLog):
    admin.site.unregister(model)


class MembershipInline(TabularInline):
    """The organizations of a person; what they may do there is their role."""

    model = Membership
    extra = 0
    autocomplete_fields = ("organization",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    has_add_permission = has_view_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission


@admin.register(User)
class PersonAdmin(SuperusersOnly, BaseUserAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    list_display = ("username", "first_name", "last_name", "is_staff", "is_superuser")
    list_filter = ("is_staff", "is_superuser", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (
            gettext_lazy("Access"),
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": gettext_lazy(
                    "Staff may log in here and see the organizations below; superusers "
                    "see everything."
                ),
            },
        ),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "usable_password", "password1", "password2")},
        ),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        if not change:
            obj.is_staff = True  # everybody who is added here is to log in here
        super().save_model(request, obj, form, change)


@admin.register(Group)
class PeopleGroupAdmin(SuperusersOnly, BaseGroupAdmin):
    """Kept for other apps; roles come from memberships, not from groups."""


class Refused(SuperusersOnly):
    """Read, and delete to let somebody in again."""

    actions = ("delete_selected",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessAttempt)
class AccessAttemptAdmin(Refused):
    list_display = (
        "attempt_time",
        "username",
        "ip_address",
        "user_agent",
        "failures_since_start",
    )
    search_fields = ("username", "ip_address")
    # Not shown: what was typed, which may be a mistyped password.
    fields = (
        "attempt_time",
        "username",
        "ip_address",
        "user_agent",
        "failures_since_start",
    )


@admin.register(AccessLog)
class AccessLogAdmin(Refused):
    list_display = (
        "attempt_time",
        "logout_time",
        "username",
        "ip_address",
        "user_agent",
    )
    search_fields = ("username", "ip_address")


@admin.register(AccessFailureLog)
class AccessFailureLogAdmin(Refused):
    list_display = (
        "attempt_time",
        "username",
        "ip_address",
        "user_agent",
        "locked_out",
    )
    search_fields = ("username", "ip_address")
