"""The page of a phone's auth records: verdict, figures, and rows without values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from phones.addresses import page_of, phone_socket, verb_url
from phones.admin.auth_categories import CATEGORIES, Category, of_category, stock
from phones.admin.auth_verdict import AuthVerdict, latest_check
from phones.admin.fragments import outcome
from phones.admin.scoping import Access
from phones.admin.story import Story
from phones.models import OrganizationPhone, Role
from phones.views import phone_for
from sessions import verbs
from sessions.auth.report import check_phone
from sessions.models import BaileysAuth, Host, PhoneLease, PhoneRequest, Quarantine

ROWS_PER_PAGE = 50
# Keys of rows name contacts.
LEAST_ROWS = Role.OPERATOR
LEAST_CHECK = verbs.LEAST_ROLE["check"]


@dataclass(frozen=True)
class LiveCopy:
    """Where the file is that a session works on, and what that means."""

    place: str
    meaning: str
    tone: str = "plain"


def live_copy(story: Story, lease: PhoneLease | None) -> LiveCopy:
    host = lease.host if lease is not None else None
    if host is None or not story.served:
        return _resting_copy(story)
    if lease is not None and lease.session_pid is not None:
        return LiveCopy(
            _("on %(host)s") % {"host": host.name},
            _(
                "A session works on its own file there; what changes in it is here "
                "within a second."
            ),
            "good",
        )
    return LiveCopy(
        _("none at the moment"),
        _("%(host)s has this phone, but no session runs.") % {"host": host.name},
    )


def _resting_copy(story: Story) -> LiveCopy:
    if not story.linked:
        return LiveCopy(_("none"), _("Without keys no session runs."))
    if story.facts.host_name:
        return LiveCopy(
            _("none; last on %(host)s") % {"host": story.facts.host_name},
            _(
                "No session runs. The next start uses the file that is left on its "
                "server if that is the newest, else one made from these rows."
            ),
        )
    return LiveCopy(
        _("none"), _("No session runs. The next start makes a file from these rows.")
    )


@require_safe
def records(request: HttpRequest, phone_id: int) -> HttpResponse:
    """The page; ?category= and ?page= choose among the rows."""
    phone = phone_for(request, phone_id, Role.VIEWER)
    access = Access.of(request)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        **_figures(phone),
        "title": _("Auth records of %(phone)s") % {"phone": phone},
        "phone": phone,
        "phone_url": page_of(phone),
        "socket": phone_socket(phone),
        "check": _check(phone),
        "check_url": _allowed(access, LEAST_CHECK, phone, "check"),
        "link_url": _link_url(request, phone),
        "clear_url": _allowed(access, verbs.LEAST_ROLE["clear"], phone, "clear"),
        "kept": Quarantine.objects.filter(phone=phone).select_related("user"),
        "quarantine_days": settings.WHATSAPP_QUARANTINE.days,
        "may_see_rows": access.may(LEAST_ROWS, phone.organization_id),
    }
    if context["may_see_rows"]:
        context.update(_rows(request, phone))
    return TemplateResponse(request, "phones/auth_records.html", context)


def _figures(phone: OrganizationPhone) -> dict[str, Any]:
    story = Story.of(phone)
    lease = PhoneLease.objects.select_related("host").filter(phone=phone).first()
    verdict = AuthVerdict.of(phone, linked=story.linked)
    sequence = lease.auth_sequence if lease is not None else 0
    checked = verdict.checked
    return {
        "story": story,
        "verdict": verdict,
        "stock": stock(BaileysAuth.objects.of(phone)),
        "copy": live_copy(story, lease),
        "sequence": sequence,
        "moved_on": checked is not None and 0 < checked.auth_sequence < sequence,
    }


def _check(phone: OrganizationPhone) -> dict[str, Any]:
    """The latest check that was asked for, while it matters."""
    request = latest_check(phone)
    if request is None:
        return {}
    waits = request.done_at is None and request.expires_at > timezone.now()
    failed = not waits and request.result != PhoneRequest.Result.DONE
    if not (waits or failed):
        return {}
    return {"waits": waits, "outcome": outcome(request), "row": request}


def _allowed(access: Access, least: Role, phone: OrganizationPhone, verb: str) -> str:
    """The address of an act; empty when this person may not."""
    return verb_url(phone, verb) if access.may(least, phone.organization_id) else ""


def _link_url(request: HttpRequest, phone: OrganizationPhone) -> str:
    """What an empty page leads to."""
    if "link" not in Story.of(phone).offers:
        return ""
    return _allowed(Access.of(request), verbs.LEAST_ROLE["link"], phone, "link")


def _rows(request: HttpRequest, phone: OrganizationPhone) -> dict[str, Any]:
    rows: QuerySet[BaileysAuth] = BaileysAuth.objects.of(phone)
    chosen = _chosen(request)
    if chosen is not None:
        rows = of_category(rows, chosen)
    return {"category": chosen, "rows": _page(request, rows)}


def _chosen(request: HttpRequest) -> Category | None:
    name = request.GET.get("category", "")
    return next((each for each in CATEGORIES if each.name == name), None)


def _page(request: HttpRequest, rows: QuerySet[BaileysAuth]) -> Page[Any]:
    """The newest first. The values stay in the database."""
    listed = rows.order_by("-updated_at", "-id").values(
        "key", "created_at", "updated_at"
    )
    sized = listed.annotate(size=Length("value"))
    return Paginator(sized, ROWS_PER_PAGE).get_page(request.GET.get("page"))


def _without_host(asked: PhoneRequest) -> None:
    """Check the copy here when no host would come to it; a host looks at its file."""
    if not Host.objects.alive().exists():
        found = check_phone(asked.phone)
        asked.close(PhoneRequest.Result.DONE, verdict=found.verdict)


@require_POST
def check_now(request: HttpRequest, phone_id: int) -> HttpResponse:
    phone = phone_for(request, phone_id, LEAST_CHECK)
    try:
        _without_host(verbs.check(phone, request.user))
    except verbs.VerbRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(verb_url(phone, "auth"))
