"""Filters of the list of phones."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from phones.admin.story import needing_person
from phones.models import OrganizationPhone
from sessions.models import AuthReport


class NeedsPersonFilter(admin.SimpleListFilter):
    """The phones that the sidebar counts."""

    title = _("needs a person")
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("person", _("Yes"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OrganizationPhone]
    ) -> QuerySet[OrganizationPhone]:
        wanted = self.value() == "person"
        return needing_person(queryset) if wanted else queryset


class AuthVerdictFilter(admin.SimpleListFilter):
    """By the last check of auth records; of linked phones, whose keys it is about."""

    title = _("auth records")
    parameter_name = "auth"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        verdicts = AuthReport.Verdict
        shown = (verdicts.BROKEN, verdicts.SUSPICIOUS, verdicts.HEALTHY)
        known = [(verdict.value, verdict.label) for verdict in shown]
        return [*known, ("unchecked", _("not checked"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OrganizationPhone]
    ) -> QuerySet[OrganizationPhone]:
        chosen, linked = self.value(), queryset.filter(facts__linked=True)
        if chosen == "unchecked":
            return linked.filter(auth_report=None)
        if chosen in AuthReport.Verdict.values:
            return linked.filter(auth_report__verdict=chosen)
        return queryset
