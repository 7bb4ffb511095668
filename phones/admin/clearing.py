"""Clear auth for many phones: chosen ones, an organization, every phone there is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from phones.admin.clear_words import can_log_out, explain_several
from phones.admin.scoping import Access
from phones.admin.story import Story, told
from phones.models import AuditEntry, Organization, OrganizationPhone, Status
from phones.numbers import bare_key
from sessions import verbs
from sessions.models import BaileysAuth, PhoneRequest
from sessions.stand_in import see_through

EVERYTHING = "all"  # typed to clear every phone
SHOWN_PHONES = 50
LEAST = verbs.LEAST_ROLE["clear"]
# Phones asked in one transaction: hosts on SQLite wait meanwhile.
AT_ONCE = 50


def with_keys(phones: QuerySet[OrganizationPhone]) -> QuerySet[OrganizationPhone]:
    """Those in which something can be cleared."""
    ended = Q(status__in=(Status.NEW, Status.LOGGED_OUT))
    leftover = _with_rows(phones.filter(ended))
    return phones.filter(Q(facts__linked=True) | ~ended | Q(pk__in=leftover))


def _with_rows(phones: QuerySet[OrganizationPhone]) -> list[int]:
    """Ids of those that have a device row in the table all the same."""
    devices = BaileysAuth.objects.filter(key="creds")
    known = set(devices.values_list("organization_id", "phone_jid"))
    listed = phones.values_list("pk", "organization_id", "phone_jid", "phone_number")
    return [
        pk
        for pk, organization_id, jid, number in listed
        if (organization_id, bare_key(jid or number)) in known
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def clear_organization(request: HttpRequest, object_id: int) -> HttpResponse:
    """All phones of one organization, behind its name."""
    own = Organization.objects.scoped(request.user)
    organization = get_object_or_404(own, pk=object_id)
    if not Access.of(request).may(LEAST, organization.pk):
        raise PermissionDenied
    page = reverse("admin:phones_organization_change", args=[organization.pk])
    phones = OrganizationPhone.objects.filter(organization=organization)
    return _behind_a_word(
        request,
        with_keys(phones),
        word=organization.name,
        subject=str(organization),
        back=page,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def clear_everything(request: HttpRequest) -> HttpResponse:
    """Every phone of every organization, for superusers."""
    if not Access.of(request).everything:
        raise PermissionDenied
    return _behind_a_word(
        request,
        with_keys(OrganizationPhone.objects.all()),
        word=EVERYTHING,
        subject=_("every phone of every organization"),
        back=reverse("admin:phones_organizationphone_changelist"),
    )


def clear_chosen(request: HttpRequest, chosen: list[OrganizationPhone]) -> HttpResponse:
    """The action of the list: confirm, then ask."""
    access = Access.of(request)
    allowed = [phone for phone in chosen if access.may(LEAST, phone.organization_id)]
    if "confirmed" in request.POST and allowed:
        return ask_all(request, allowed)
    phones = OrganizationPhone.objects.filter(pk__in=[phone.pk for phone in allowed])
    context = {
        **_about(phones),
        "subject": "",
        "action": request.POST.get("action", ""),
        "chosen": allowed,
        "left_out": len(chosen) - len(allowed),
        "back": request.get_full_path(),
    }
    return _confirmation(request, context)


def _behind_a_word(
    request: HttpRequest,
    phones: QuerySet[OrganizationPhone],
    *,
    word: str,
    subject: str,
    back: str,
) -> HttpResponse:
    """Show what would go (GET); do it when the word was typed (POST)."""
    typed = request.POST.get("word", "").strip()
    wrong = request.method == "POST" and typed.casefold() != word.casefold()
    if request.method == "POST" and not wrong:
        return ask_all(request, list(phones.order_by("pk")))
    context = {**_about(phones), "subject": subject, "word": word, "back": back}
    return _confirmation(request, {**context, "wrong": wrong})


def _about(phones: QuerySet[OrganizationPhone]) -> dict[str, Any]:
    listed = told(phones).order_by("organization__name", "phone_number")
    stories = [Story.of(phone) for phone in listed]
    return {
        "stories": stories[:SHOWN_PHONES],
        "phone_count": len(stories),
        "more": max(len(stories) - SHOWN_PHONES, 0),
        "connected": sum(can_log_out(story) for story in stories),
        "lines": explain_several(stories),
    }


def _confirmation(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Clear auth"),
        **context,
        "log_out_offered": context["connected"] > 0,
    }
    return TemplateResponse(request, "phones/confirm_clear.html", context)


def ask_all(
    request: HttpRequest, phones: list[OrganizationPhone]
) -> HttpResponseRedirect:
    """Ask for each, and go to the page that shows how far it is."""
    log_out = "log_out" in request.POST
    before = _last_entry(request)
    asked: list[PhoneRequest] = []
    for start in range(0, len(phones), AT_ONCE):
        batch = phones[start : start + AT_ONCE]
        asked += verbs.clear_many(batch, request.user, log_out=log_out)
    see_through(asked)
    url = reverse("admin:phones_organizationphone_clearing")
    return HttpResponseRedirect(f"{url}?after={before}&to={_last_entry(request)}")


def _last_entry(request: HttpRequest) -> int:
    """The newest audit row of this person's clears; 0 without any."""
    own = AuditEntry.objects.filter(user=request.user.pk or 0, verb="clear")
    newest: int | None = own.aggregate(newest=Max("pk"))["newest"]
    return newest or 0
