"""Take over from Baileys: upload, read the verdicts, choose, watch them connect.

A page of an upload is for the stewards of its organization; for everybody else it does
not exist. What is uploaded is never shown again: the pages count rows and name checks.
"""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from phones.admin.scoping import Access
from phones.models import AuditEntry, Organization
from phones.row_ids import row_ids
from sessions.admin.baileys_import_file import unpacked
from sessions.admin.baileys_import_form import LEAST_ROLE, UploadForm
from sessions.admin.baileys_import_page import choices_page, page
from sessions.auth import uploads
from sessions.baileys.source import SourceRefused
from sessions.models import BaileysImport, BaileysImportPhone

STEP_SECONDS = 1.0  # work of one request; the page asks again
SHOWN_UPLOADS = 20
MOST_NAMED = 5  # numbers in a message; the rest are counted


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """What to do first and the form (GET); the upload (POST)."""
    if not Access.of(request).may(LEAST_ROLE):
        raise PermissionDenied
    form = (
        UploadForm(request, request.POST, request.FILES)
        if request.method == "POST"
        else UploadForm(request)
    )
    if form.is_valid():
        upload = _upload(request, form)
        if upload is not None:
            return redirect("baileys_import", upload.pk)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Take over from Baileys"),
        "form": form,
        "uploads": _own_uploads(request),
        "now": timezone.now(),
        "hours": math.ceil(settings.WHATSAPP_IMPORT_KEPT / timedelta(hours=1)),
    }
    return TemplateResponse(request, "phones/baileys_start.html", context)


@require_safe
def show(request: HttpRequest, import_id: int) -> HttpResponse:
    """The phones of an upload: verdicts, choices, what became of them."""
    upload = _import_for(request, import_id)
    return TemplateResponse(
        request,
        "phones/baileys_upload.html",
        {**admin.site.each_context(request), **page(upload)},
    )


@require_POST
def step(request: HttpRequest, import_id: int) -> HttpResponse:
    """Check or take over for about a second; the page asks until nothing is left."""
    upload = _import_for(request, import_id)
    until = time.monotonic() + STEP_SECONDS
    while time.monotonic() < until:
        row = uploads.pending(upload).select_related("of__organization").first()
        if row is None:
            break
        uploads.step(row, request.user)
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"left": uploads.pending(upload).count()})
    return redirect("baileys_import", upload.pk)


@require_POST
def take(request: HttpRequest, import_id: int) -> HttpResponse:
    """Show what will happen to the ticked phones, then, confirmed, choose them."""
    upload = _import_for(request, import_id)
    ids = row_ids(request.POST.getlist("phone"))
    chosen = list(uploads.offered(upload).filter(pk__in=ids))
    if not chosen:
        messages.error(request, _("Tick at least one phone that can be taken over."))
        return redirect("baileys_import", upload.pk)
    if "stopped" not in request.POST:
        context = {**admin.site.each_context(request), **choices_page(upload, chosen)}
        return TemplateResponse(request, "phones/baileys_confirm.html", context)
    uploads.choose(upload, ids)
    return redirect("baileys_import", upload.pk)


@require_POST
def discard(request: HttpRequest, import_id: int) -> HttpResponse:
    """Delete an upload and the keys in it; what was taken over stays."""
    upload = _import_for(request, import_id)
    upload.delete()
    messages.success(request, _("The upload is deleted."))
    return redirect("baileys_imports")


def _import_for(request: HttpRequest, import_id: int) -> BaileysImport:
    own = Organization.objects.scoped(request.user, LEAST_ROLE)
    if not Access.of(request).everything and not own.exists():
        raise PermissionDenied
    return get_object_or_404(
        BaileysImport.objects.select_related("organization", "user"),
        pk=import_id,
        organization__in=own,
    )


def _upload(request: HttpRequest, form: UploadForm) -> BaileysImport | None:
    """The saved upload; None when the form tells why there is none."""
    BaileysImport.objects.purge(timezone.now())
    file = form.cleaned_data["records"]
    upload = BaileysImport(
        organization=form.cleaned_data["organization"],
        user_id=request.user.pk,
        expires_at=uploads.expiry(),
        file_name=str(file.name)[:200],
    )
    try:
        with unpacked(file) as phones:
            doubles = uploads.store(
                upload, phones, form.cleaned_data["lid_map"], file.size
            )
    except (SourceRefused, uploads.UploadRefused) as refusal:
        form.add_error("records", str(refusal))
        return None
    AuditEntry.objects.create(
        verb="upload_baileys",
        organization=upload.organization,
        user_id=request.user.pk,
        actor=request.user.get_username(),
        detail={"file": upload.file_name, "phones": upload.phones.count()},
    )
    _tell_doubles(request, doubles)
    return upload


def _tell_doubles(request: HttpRequest, doubles: list[str]) -> None:
    if not doubles:
        return
    text = ngettext(
        "%(numbers)s is in this file more than once; its first rows are used.",
        "%(numbers)s are in this file more than once; their first rows are used.",
        len(doubles),
    )
    named = ", ".join(f"+{number}" for number in doubles[:MOST_NAMED])
    more = len(doubles) - MOST_NAMED
    shown = f"{named} +{more}" if more > 0 else named
    messages.warning(request, text % {"numbers": shown})


def _own_uploads(request: HttpRequest) -> list[BaileysImport]:
    outcome = BaileysImportPhone.Outcome
    rows = BaileysImport.objects.filter(
        organization__in=Organization.objects.scoped(request.user, LEAST_ROLE)
    ).select_related("organization", "user")
    return list(
        rows.annotate(
            phone_count=Count("phones"),
            taken=Count("phones", filter=Q(phones__outcome=outcome.IMPORTED)),
            held=Count("phones", filter=~Q(phones__rows="")),
        )[:SHOWN_UPLOADS]
    )


view = admin.site.admin_view
urlpatterns = [
    path("", view(start), name="baileys_imports"),
    path("<int:import_id>/", view(show), name="baileys_import"),
    path("<int:import_id>/step/", view(step), name="baileys_import_step"),
    path("<int:import_id>/take/", view(take), name="baileys_import_take"),
    path("<int:import_id>/discard/", view(discard), name="baileys_import_discard"),
]
