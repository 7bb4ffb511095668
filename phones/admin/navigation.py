"""The sidebar: what this person may open, with counts of their own phones."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

from phones.admin.scoping import Access
from phones.admin.story import needing_person
from phones.models import OrganizationPhone, Role
from sessions.admin.alert import open_alerts
from sessions.models import Incident

Item = dict[str, Any]
OWN_PAGES = ("sandbox", "causes", "baileys_imports")  # beside the admin's own


def navigation(request: HttpRequest) -> list[Item]:
    """SIDEBAR of the theme."""
    access = Access.of(request)
    groups: list[Item] = [{"items": [_item(_("Dashboard"), "dashboard", "index")]}]
    if access.may(Role.VIEWER):
        groups.append({"title": _("Fleet"), "items": _fleet(request)})
    else:
        groups.append({"items": [_causes()]})
    if settings.SANDBOX and access.may(Role.OPERATOR):
        panel = _item(_("Simulated phones"), "science", "sandbox")
        groups.append({"title": _("Sandbox"), "items": [panel]})
    if access.everything:
        groups.append({"title": _("Administration"), "items": _administration()})
    return groups


def _fleet(request: HttpRequest) -> list[Item]:
    phones = _item(_("Phones"), "smartphone", "phones_organizationphone_changelist")
    waiting = OrganizationPhone.objects.scoped(request.user)
    count = needing_person(waiting).count()
    if count:
        phones["badge"] = count
        phones["badge_variant"] = "warning"
    alerts = _item(_("Alerts"), "notifications", "phone_sessions_alert_changelist")
    if open_count := open_alerts(request).count():
        alerts["badge"] = open_count
        alerts["badge_variant"] = "danger"
    # For those who may: a server that was replaced by this one, moved without a scan.
    takeover = _item(_("Take over from Baileys"), "move_to_inbox", "baileys_imports")
    may_take_over = Access.of(request).may(Role.STEWARD)
    return [
        phones,
        *([takeover] if may_take_over else []),
        alerts,
        _item(_("History"), "history", "metrics_connectionmetrics_changelist"),
        _causes(),
        _item(_("Quarantine"), "inventory_2", "phone_sessions_quarantine_changelist"),
        _item(_("Organizations"), "apartment", "phones_organization_changelist"),
        _item(_("Audit"), "fact_check", "phones_auditentry_changelist"),
    ]


def _causes() -> Item:
    return _item(_("Causes"), "menu_book", "causes")


def _incidents() -> Item:
    incidents = _item(
        _("Incidents"), "crisis_alert", "phone_sessions_incident_changelist"
    )
    if active := Incident.objects.active().count():
        incidents["badge"] = active
        incidents["badge_variant"] = "danger"
    return incidents


def _administration() -> list[Item]:
    return [
        _item(_("Servers"), "dns", "phone_sessions_host_changelist"),
        _incidents(),
        _item(_("People"), "group", "auth_user_changelist"),
        _item(_("Groups"), "groups", "auth_group_changelist"),
        _item(_("Refused logins"), "lock", "axes_accessattempt_changelist"),
    ]


def _item(title: str, icon: str, name: str) -> Item:
    link = reverse(name if name in OWN_PAGES else f"admin:{name}")
    return {"title": title, "icon": icon, "link": link}


def stylesheet(request: HttpRequest) -> str:
    return static("switchboard/switchboard.css")


def icon(request: HttpRequest) -> str:
    return static("switchboard/icon.svg")


def live_script(request: HttpRequest) -> str:
    return static("switchboard/live.js")


def board_script(request: HttpRequest) -> str:
    return static("switchboard/board.js")


def extra(request: HttpRequest) -> Item:
    """GLOBAL_CALLBACK of the theme: names every page's template knows."""
    return {"sandbox": settings.SANDBOX}
