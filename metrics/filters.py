"""Filters of the history that ask nothing of the table."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from metrics.models import ConnectionMetrics
from phones.theme import RangeDateTimeFilter
from sessions.policy.causes import CAUSES, title

WHOLE_DAY = {"from": "00:00:00", "to": "23:59:59"}


class CauseFilter(admin.SimpleListFilter):
    """By the catalogue of causes."""

    title = _("cause")
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(cause_id, f"{cause_id} {title(cause_id)}") for cause_id in CAUSES]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionMetrics]
    ) -> QuerySet[ConnectionMetrics]:
        return queryset.filter(cause=self.value()) if self.value() else queryset


class MomentRange(RangeDateTimeFilter):
    """From one moment to another, as the reader's language and time zone write them.

    The theme's own filter reads English dates only and takes them for UTC. A day
    without a time is the whole day.
    """

    form_class: Any  # the theme's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for end, clock in WHOLE_DAY.items():
            name = f"{self.field_path}_{end}"
            if self.used_parameters.get(f"{name}_0"):
                self.used_parameters[f"{name}_1"] = (
                    self.used_parameters.get(f"{name}_1") or clock
                )

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionMetrics]
    ) -> QuerySet[ConnectionMetrics]:
        form = self.form_class(name=self.field_path, data=self.used_parameters)
        form.is_valid()  # the page shows what is wrong with a part
        since = form.cleaned_data.get(f"{self.field_path}_from")
        until = form.cleaned_data.get(f"{self.field_path}_to")
        if since is not None:
            queryset = queryset.filter(timestamp__gte=since)
        if until is not None:
            queryset = queryset.filter(timestamp__lte=until)
        return queryset
