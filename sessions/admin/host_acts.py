"""What a superuser can tell a server: Drain, End drain, Forget; with a confirmation."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from phones.admin.scoping import Access
from sessions import verbs
from sessions.models import Host, PhoneLease
from sessions.placement import room_beside, why_not_drain, why_not_forget

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from phones.models.organization import Person

PREFIX = "phone_sessions_host"


@dataclass(frozen=True)
class Act:
    """A verb of a server. explain: what will happen; refusal: why it may not."""

    name: str
    label: _StrPromise
    question: _StrPromise
    icon: str
    done: _StrPromise
    explain: Callable[[Host], list[str]]
    do: Callable[[Host, Person], None]
    refusal: Callable[[Host], str] = lambda _host: ""
    danger: bool = False


def _drain(host: Host) -> list[str]:
    count = PhoneLease.objects.current().filter(host=host).count()
    room = room_beside(host.pk)
    lines = [
        ngettext(
            "%(count)d phone goes to the other servers, it is away about a second.",
            "%(count)d phones go to the other servers, each is away about a second.",
            count,
        )
        % {"count": count},
        _("This server takes none until you end the drain, even if it is restarted."),
    ]
    if room < count:
        text = ngettext(
            "The other servers have room for %(room)d phone only: the rest stays here "
            "until there is more.",
            "The other servers have room for %(room)d phones only: the rest stays here "
            "until there is more.",
            room,
        )
        lines.append(text % {"room": room})
    return lines


def _end_drain(host: Host) -> list[str]:
    return [
        _("This server takes phones again."),
        _("The other servers give it its share, one phone every few seconds."),
    ]


def _forget(host: Host) -> list[str]:
    return [
        _("The server vanishes from this list; phones and history keep its name."),
        _("If it is started again, it is listed again."),
    ]


ACTS = {
    act.name: act
    for act in (
        Act(
            "drain",
            gettext_lazy("Drain"),
            gettext_lazy("Drain this server?"),
            "output",
            gettext_lazy("Its phones go to the other servers, a few at a time."),
            _drain,
            verbs.drain,
            why_not_drain,
        ),
        Act(
            "end_drain",
            gettext_lazy("End drain"),
            gettext_lazy("End the drain of this server?"),
            "input",
            gettext_lazy("It takes phones again."),
            _end_drain,
            lambda host, user: verbs.drain(host, user, on=False),
        ),
        Act(
            "forget",
            gettext_lazy("Forget"),
            gettext_lazy("Forget this server?"),
            "delete",
            gettext_lazy("The server is forgotten."),
            _forget,
            verbs.forget,
            why_not_forget,
            danger=True,
        ),
    )
}


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, object_id: uuid.UUID, name: str) -> HttpResponse:
    """Confirm (GET) and do (POST)."""
    if not Access.of(request).everything:
        raise PermissionDenied
    host = get_object_or_404(Host, pk=object_id)
    page = reverse(f"admin:{PREFIX}_change", args=[host.pk])
    if request.method == "POST":
        return _do(request, host, ACTS[name], page)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": ACTS[name].label,
        "act": ACTS[name],
        "host": host,
        "refusal": ACTS[name].refusal(host),
        "lines": ACTS[name].explain(host),
        "page": page,
    }
    return TemplateResponse(request, "phones/confirm_server.html", context)


def _do(request: HttpRequest, host: Host, chosen: Act, page: str) -> HttpResponse:
    try:
        chosen.do(host, request.user)
    except verbs.VerbRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(page)
    messages.success(request, chosen.done)
    gone = chosen.name == "forget"
    return redirect(reverse(f"admin:{PREFIX}_changelist") if gone else page)
