"""Move: a superuser chooses the server of one phone or of several."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from phones.addresses import page_of, verb_url
from phones.admin.scoping import Access
from phones.admin.story import Story, told
from phones.models import OrganizationPhone
from sessions import verbs
from sessions.models import Host, PhoneLease
from sessions.placement import AT_REST, with_room

MOST_REFUSALS = 5  # sentences shown; the rest are counted


def move_url(request: HttpRequest, phone: OrganizationPhone) -> str:
    """Where this person can move the phone; empty when they cannot."""
    if not Access.of(request).everything or phone.status in AT_REST:
        return ""
    elsewhere = Host.objects.taking().exclude(leases__phone=phone)
    return verb_url(phone, "move") if elsewhere.exists() else ""


@require_http_methods(["GET", "HEAD", "POST"])
def move_one(request: HttpRequest, phone_id: int) -> HttpResponse:
    """Choose a server (GET) and move there (POST)."""
    if not Access.of(request).everything:
        raise PermissionDenied
    phone = get_object_or_404(told(OrganizationPhone.objects.all()), pk=phone_id)
    if request.method != "POST":
        return _choice(request, [phone], page_of(phone))
    _move(request, [phone])
    return redirect(page_of(phone))


def choose_server(
    request: HttpRequest, phones: list[OrganizationPhone]
) -> HttpResponse | None:
    """The action of the list; None when it is done."""
    if "server" in request.POST:
        _move(request, phones)
        return None
    return _choice(request, phones, request.get_full_path())


def _choice(
    request: HttpRequest, phones: list[OrganizationPhone], back: str
) -> HttpResponse:
    servers = with_room()
    if len(phones) == 1:
        servers = servers.exclude(leases__in=PhoneLease.objects.filter(phone=phones[0]))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Move to a server"),
        "stories": [Story.of(phone) for phone in phones],
        "servers": servers,
        "action": request.POST.get("action", ""),
        "back": back,
    }
    return TemplateResponse(request, "phones/move.html", context)


def _move(request: HttpRequest, phones: list[OrganizationPhone]) -> None:
    server = Host.objects.filter(name=request.POST.get("server", "")).alive().first()
    if server is None:
        messages.error(request, _("This server does not run any more; choose another."))
        return
    refusals = []
    for phone in phones:
        try:
            verbs.move(phone, server, request.user)
        except verbs.VerbRefused as refusal:
            refusals.append(f"{phone}: {refusal}")
    if done := len(phones) - len(refusals):
        text = ngettext(
            "%(count)d phone goes to %(server)s, away for about a second.",
            "%(count)d phones go to %(server)s, each away for about a second.",
            done,
        )
        messages.success(request, text % {"count": done, "server": server})
    tell_refusals(request, refusals)


def tell_refusals(request: HttpRequest, refusals: list[str]) -> None:
    for sentence in refusals[:MOST_REFUSALS]:
        messages.error(request, sentence)
    left = len(refusals) - MOST_REFUSALS
    if left > 0:
        text = ngettext(
            "%(count)d more was refused.", "%(count)d more were refused.", left
        )
        messages.error(request, text % {"count": left})
