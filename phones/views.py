"""Pages of one phone beside its form: what a verb will do, and the QR page.

A GET changes nothing; a verb is a POST behind its confirmation.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from phones.addresses import page_of, stage_socket, verb_url
from phones.admin.cells import slot_name
from phones.admin.clear_words import can_log_out
from phones.admin.scoping import Access
from phones.admin.stage import ASKABLE, Stage, end_unclaimed
from phones.admin.story import Story, told
from phones.admin.wording import VERBS
from phones.models import OrganizationPhone, Role
from sessions import verbs
from sessions.stand_in import see_through

# What a person ticks on the confirmation of a verb.
OPTIONS = {"link": "confirmed", "clear": "log_out"}


def phone_for(request: HttpRequest, phone_id: int, least: Role) -> OrganizationPhone:
    """The phone. Raises Http404 for a foreign one, PermissionDenied below `least`."""
    phone = get_object_or_404(
        told(OrganizationPhone.objects.scoped(request.user)), pk=phone_id
    )
    if not Access.of(request).may(least, phone.organization_id):
        raise PermissionDenied
    return phone


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, phone_id: int, verb: str) -> HttpResponse:
    """Confirm (GET) and do (POST) one verb."""
    phone = phone_for(request, phone_id, verbs.LEAST_ROLE[verb])
    if request.method == "POST":
        return _do(request, phone, verb)
    story = Story.of(phone)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": VERBS[verb].label,
        "verb": VERBS[verb],
        "story": story,
        "lines": VERBS[verb].explain(story),
        "phone_url": page_of(phone),
        "confirm_needed": verb == "link" and story.facts.link_needs_confirmation,
        "log_out_offered": verb == "clear" and can_log_out(story),
    }
    return TemplateResponse(request, "phones/confirm.html", context)


def _do(request: HttpRequest, phone: OrganizationPhone, verb: str) -> HttpResponse:
    option = OPTIONS.get(verb)
    options = {option: option in request.POST} if option is not None else {}
    try:
        asked = getattr(verbs, verb)(phone, request.user, **options)
    except verbs.VerbRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(page_of(phone))
    if verb == "link":
        return redirect(verb_url(phone, "scan"))
    if verb == "clear":
        see_through([asked])
    messages.success(request, VERBS[verb].done)
    return redirect(page_of(phone))


@require_safe
def scan(request: HttpRequest, phone_id: int) -> HttpResponse:
    """The QR page: watches the pairing of a phone, starts nothing."""
    end_unclaimed()
    phone = phone_for(request, phone_id, verbs.LEAST_ROLE["link"])
    story = Story.of(phone)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Link %(phone)s") % {"phone": phone},
        "phone": phone,
        "stage": Stage.of(story),
        "askable": ASKABLE,
        "slot": slot_name(phone.pk, "stage"),
        "socket": stage_socket(phone),
        "phone_url": page_of(phone),
        "link_url": verb_url(phone, "link"),
        "confirm_needed": story.facts.link_needs_confirmation,
        "sandbox_url": reverse("sandbox_scan", args=[phone.pk])
        if settings.SANDBOX
        else "",
    }
    return TemplateResponse(request, "phones/scan.html", context)
