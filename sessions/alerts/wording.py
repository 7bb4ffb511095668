"""What an alert says, in the language in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sessions.models import Alert
from sessions.policy.causes import sentence
from sessions.policy.rule_texts import held_sentence

PHONE_PAGE = "/admin/phones/organizationphone/%s/change/"
INCIDENT_PAGE = "/admin/phone_sessions/incident/%s/change/"
HOSTS_PAGE = "/admin/phone_sessions/host/"


def alert_sentence(alert: Alert) -> str:
    """What is wrong and what to do, in one sentence or two."""
    if alert.kind == Alert.Kind.HOST_SILENT:
        return _host_sentence(alert)
    if alert.kind == Alert.Kind.INCIDENT and alert.incident is not None:
        return _incident_sentence(alert)
    if alert.values.get("unserved") and not alert.cause:
        return _("No server has this phone, so it is not connected.")
    if not alert.cause:
        return _("It is not connected.")
    if alert.kind == Alert.Kind.HELD:
        return held_sentence(alert.cause, alert.values)
    return sentence(alert.cause, alert.values)


def _host_sentence(alert: Alert) -> str:
    count = alert.host.leases.count() if alert.host is not None else 0
    said = _(
        "The server %(host)s has not been heard of since %(time)s: look at the "
        "machine, then start `manage.py run_sessions`."
    ) % {"host": alert.values.get("host", ""), "time": moment(alert.raised_at)}
    if not count:
        return said
    phones = ngettext(
        "%(count)d phone waits for it or for another server.",
        "%(count)d phones wait for it or for another server.",
        count,
    )
    return f"{said} {phones % {'count': count}}"


def _incident_sentence(alert: Alert) -> str:
    incident = alert.incident
    assert incident is not None  # noqa: S101
    count = max(incident.phone_count, 1)
    phones = ngettext("%(count)d phone", "%(count)d phones", count) % {"count": count}
    where = f" ({alert.values['host']})" if alert.values.get("host") else ""
    title = incident.get_kind_display()
    return f"{title}{where}: {phones}. {sentence(incident.cause, alert.values)}"


def subject_name(alert: Alert) -> str:
    """Whom it is about: “Acme 77***62”, the server, or nothing for an incident."""
    if alert.phone is not None:
        organization = alert.organization.name if alert.organization else ""
        return f"{organization} {alert.phone.masked}".strip()
    return str(alert.values.get("host", ""))


def headline(alert: Alert, *, is_over: bool) -> str:
    """The kind and whom it is about, short enough for a mail's subject."""
    name = subject_name(alert)
    kind = str(alert.get_kind_display())
    words = f"{name}: {kind}" if name else kind
    return _("Over: %(alert)s") % {"alert": words} if is_over else words


def alert_link(alert: Alert) -> str:
    """The page to open; empty without WHATSAPP_PORTAL_URL."""
    if not settings.WHATSAPP_PORTAL_URL:
        return ""
    path = HOSTS_PAGE
    if alert.phone_id is not None:
        path = PHONE_PAGE % alert.phone_id
    elif alert.incident_id is not None:
        path = INCIDENT_PAGE % alert.incident_id
    return f"{settings.WHATSAPP_PORTAL_URL}{path}"


def moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"


def prefix() -> str:
    """A drill is not to be taken for the real thing."""
    return _("Switchboard, sandbox") if settings.SANDBOX else "Switchboard"


def described(alert: Alert, *, is_over: bool) -> dict[str, Any]:
    """One alert as JSON; the number is masked."""
    ended = alert.over_at if is_over else None
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "about": subject_name(alert),
        "sentence": alert_sentence(alert),
        "organization": alert.organization.name if alert.organization else None,
        "phone": alert.phone.masked if alert.phone is not None else None,
        "host": alert.host.name if alert.host is not None else None,
        "cause": alert.cause or None,
        "since": alert.raised_at.isoformat(),
        "over_at": ended.isoformat() if ended is not None else None,
        "link": alert_link(alert) or None,
    }
