"""The sandbox's panel: simulated phones, one-click scans, and faults to drill with.

Only in the sandbox realm; operators see the accounts of their own phones.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from phones.addresses import page_of, verb_url
from phones.admin.scoping import Access
from phones.admin.stage import Stage
from phones.admin.story import Story, told
from phones.models import OrganizationPhone, Role
from phones.views import phone_for
from sessions.policy.number_aliases import spellings
from sessions.sandbox.control import ControlError, SandboxControl
from sessions.verbs import LEAST_ROLE

# What a button does: the fault of the control API and its arguments.
FAULTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "drop": (gettext_lazy("Drop the connection"), {"kind": "drop"}),
    "restart": (
        gettext_lazy("Ask for a restart (515)"),
        {"kind": "stream_error", "code": 515},
    ),
    "replace": (gettext_lazy("Log in elsewhere (replace)"), {"kind": "replace"}),
    "mute": (
        gettext_lazy("Stop answering keepalives"),
        {"kind": "mute", "what": "pings"},
    ),
    "unmute": (gettext_lazy("Answer keepalives again"), {"kind": "unmute"}),
    "allow": (gettext_lazy("Accept logins again"), {"kind": "allow_login"}),
}
REFUSALS = {
    401: gettext_lazy("401: logged out"),
    402: gettext_lazy("402: temporary ban, 5 minutes"),
    403: gettext_lazy("403: account locked"),
    405: gettext_lazy("405: client outdated"),
    406: gettext_lazy("406: banned"),
    503: gettext_lazy("503: server overloaded"),
}
BAN = {"ban_code": 101, "expire": 300}


@require_safe
def panel(request: HttpRequest) -> HttpResponse:
    _allowed(request)
    phones = list(told(OrganizationPhone.objects.scoped(request.user, Role.OPERATOR)))
    state, problem = _state()
    context = {
        **admin.site.each_context(request),
        "title": _("Simulated phones"),
        "accounts": _own_accounts(request, state, phones),
        "scannable": _scannable(phones),
        "statistics": state.get("statistics")
        if Access.of(request).everything
        else None,
        "problem": problem,
        "faults": [(name, label) for name, (label, _call) in FAULTS.items()],
        "refusals": REFUSALS.items(),
    }
    return TemplateResponse(request, "phones/sandbox.html", context)


@require_POST
def scan(request: HttpRequest, phone_id: int) -> HttpResponse:
    """The simulated phone of this number scans the code that is shown now."""
    _allowed(request)
    phone = phone_for(request, phone_id, LEAST_ROLE["link"])
    stage = Stage.of(Story.of(phone))
    if stage.state != "qr":
        messages.error(request, _("No code of this phone is waiting to be scanned."))
    else:
        number = request.POST.get("number") or phone.phone_number
        _do(
            request,
            _("+%(number)s scanned the code.") % {"number": number},
            lambda control: control.scan(phone.qr_code or "", number),
        )
    return redirect(_next(request) or verb_url(phone, "scan"))


@require_POST
def drill(request: HttpRequest) -> HttpResponse:
    """One fault for one simulated phone."""
    _allowed(request)
    number = request.POST.get("number", "")
    own = OrganizationPhone.objects.scoped(request.user, Role.OPERATOR)
    if not Access.of(request).everything and not own.filter(
        phone_number__in=spellings(number)
    ):
        raise Http404
    act = request.POST.get("act", "")
    if act == "unlink":
        jid = request.POST.get("jid", "")
        if jid.partition(":")[0].partition("@")[0] != number:
            raise Http404
        _do(request, _("Unlinked on the phone."), lambda control: control.unlink(jid))
    elif act == "refuse":
        code = request.POST.get("code", "")
        if not code.isdigit() or int(code) not in REFUSALS:
            raise Http404
        extra = BAN if code == "402" else {}
        call = {"kind": "refuse_login", "code": int(code), "number": number, **extra}
        _do(request, _("Logins are refused."), lambda control: control.fault(**call))
    elif act in FAULTS:
        label, arguments = FAULTS[act]
        call = {**arguments, "number": number}
        _do(request, str(label), lambda control: control.fault(**call))
    else:
        raise Http404
    return redirect("sandbox")


def _allowed(request: HttpRequest) -> None:
    if not settings.SANDBOX:
        raise Http404
    if not Access.of(request).may(Role.OPERATOR):
        raise PermissionDenied


def _control() -> SandboxControl:
    """Raises OSError or ValueError when no sandbox runs."""
    return SandboxControl(settings.WHATSAPP_SANDBOX_DIR)


def _state() -> tuple[dict[str, Any], str]:
    try:
        return _control().state(), ""
    except (OSError, ValueError, ControlError) as error:
        return {}, _problem(error)


def _do(request: HttpRequest, done: str, call: Any) -> None:
    try:
        call(_control())
    except (OSError, ValueError, ControlError) as error:
        messages.error(request, _problem(error))
    else:
        messages.success(request, done)


def _problem(error: Exception) -> str:
    if isinstance(error, ControlError):
        return str(error)
    return _("The sandbox does not answer: start `manage.py portal --sandbox`.")


def _own_accounts(
    request: HttpRequest, state: dict[str, Any], phones: list[OrganizationPhone]
) -> list[dict[str, Any]]:
    by_number = {
        spelling: phone
        for phone in phones
        for spelling in spellings(phone.phone_number)
    }
    everything = Access.of(request).everything
    return [
        {**account, "phone": phone, "phone_url": page_of(phone) if phone else ""}
        for account in state.get("accounts", [])
        if (phone := by_number.get(account["number"])) or everything
    ]


def _scannable(phones: list[OrganizationPhone]) -> list[OrganizationPhone]:
    pairing = [phone for phone in phones if Story.of(phone).pairing_active]
    return [phone for phone in pairing if Stage.of(Story.of(phone)).state == "qr"]


def _next(request: HttpRequest) -> str:
    url = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()})
    return url if safe else ""


urlpatterns = [
    path("", admin.site.admin_view(panel), name="sandbox"),
    path("scan/<int:phone_id>/", admin.site.admin_view(scan), name="sandbox_scan"),
    path("drill/", admin.site.admin_view(drill), name="sandbox_drill"),
]
