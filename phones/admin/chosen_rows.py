"""Which rows an action of a list is for."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import Http404, HttpRequest, HttpResponse

from phones.row_ids import row_ids
from phones.theme import ModelAdmin


class ChosenRows(ModelAdmin):
    """A list with actions; an id that no row can have is answered with 404."""

    def response_action(
        self, request: HttpRequest, queryset: Any, *where: Any
    ) -> HttpResponse | None:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if len(row_ids(chosen)) < len(chosen):
            raise Http404
        return super().response_action(request, queryset, *where)
