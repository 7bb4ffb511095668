"""Verbs for several phones of the list at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy, ngettext

from phones.admin.chosen_rows import ChosenRows
from phones.admin.clearing import clear_chosen
from phones.admin.moving import choose_server, tell_refusals
from phones.admin.scoping import Access
from phones.admin.story import Story
from phones.admin.wording import VERBS
from phones.models import Role
from sessions import verbs


class SeveralPhones(ChosenRows):
    """Verbs as actions of the list, each behind one confirmation."""

    actions = (
        "start_several",
        "stop_several",
        "restart_several",
        "move_several",
        "clear_several",
    )

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return Access.of(request).may(Role.OPERATOR)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # phones are removed one by one
        return actions

    @admin.action(permissions=["operate"], description=gettext_lazy("Start"))
    def start_several(self, request: HttpRequest, phones: Any) -> HttpResponse | None:
        return self._several(request, phones, "start")

    @admin.action(permissions=["operate"], description=gettext_lazy("Stop"))
    def stop_several(self, request: HttpRequest, phones: Any) -> HttpResponse | None:
        return self._several(request, phones, "stop")

    @admin.action(permissions=["operate"], description=gettext_lazy("Restart"))
    def restart_several(self, request: HttpRequest, phones: Any) -> HttpResponse | None:
        return self._several(request, phones, "restart")

    def has_place_permission(self, request: HttpRequest) -> bool:
        return Access.of(request).everything

    @admin.action(permissions=["place"], description=gettext_lazy("Move to a server"))
    def move_several(self, request: HttpRequest, phones: Any) -> HttpResponse | None:
        return choose_server(request, list(phones))

    def has_clear_permission(self, request: HttpRequest) -> bool:
        return Access.of(request).may(verbs.LEAST_ROLE["clear"])

    @admin.action(permissions=["clear"], description=gettext_lazy("Clear auth"))
    def clear_several(self, request: HttpRequest, phones: Any) -> HttpResponse | None:
        return clear_chosen(request, list(phones))

    def _several(
        self, request: HttpRequest, phones: Any, verb: str
    ) -> HttpResponse | None:
        access = Access.of(request)
        chosen = list(phones)
        least = verbs.LEAST_ROLE[verb]
        allowed = [p for p in chosen if access.may(least, p.organization_id)]
        if "confirmed" in request.POST:
            self._do_several(request, allowed, verb)
            return None
        stories = [Story.of(phone) for phone in allowed]
        lines = dict.fromkeys(
            line for story in stories for line in VERBS[verb].explain(story)
        )
        context = {
            **self.admin_site.each_context(request),
            "title": VERBS[verb].label,
            "verb": VERBS[verb],
            "action": request.POST["action"],
            "stories": stories,
            "lines": lines,
            "left_out": len(chosen) - len(allowed),
            "list_url": request.get_full_path(),
        }
        return TemplateResponse(request, "phones/confirm_several.html", context)

    def _do_several(self, request: HttpRequest, phones: list[Any], verb: str) -> None:
        refusals = []
        for phone in phones:
            try:
                getattr(verbs, verb)(phone, request.user)
            except verbs.VerbRefused as refusal:
                refusals.append(f"{phone}: {refusal}")
        done = len(phones) - len(refusals)
        if done:
            text = ngettext(
                "%(label)s: %(count)d phone asked.",
                "%(label)s: %(count)d phones asked.",
                done,
            )
            label = VERBS[verb].label
            messages.success(request, text % {"label": label, "count": done})
        tell_refusals(request, refusals)
