"""One message: about one alert, or about many of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sessions.alerts.wording import (
    alert_link,
    alert_sentence,
    described,
    headline,
    moment,
    prefix,
    subject_name,
)
from sessions.models import Alert

SHOWN = 50  # alerts that a message names; of more it says how many


@dataclass(frozen=True)
class Message:
    """What is sent: a subject and a text for people, a mapping for programs."""

    subject: str
    text: str
    payload: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """`text` is what chat programs show of a webhook's body."""
        return {"text": f"{self.subject}\n{self.text}", **self.payload}


def message_of(alerts: Sequence[Alert], *, is_over: bool) -> Message:
    """In LANGUAGE_CODE. alerts: one, or several of one kind."""
    with translation.override(settings.LANGUAGE_CODE):
        first = alerts[0]
        if len(alerts) == 1:
            subject, text = headline(first, is_over=is_over), _text(first, is_over)
        else:
            subject, text = _title(alerts, is_over), _list(alerts)
        return Message(
            subject=f"[{prefix()}] {_one_line(subject)}",
            text=text,
            payload={
                "event": "over" if is_over else "begins",
                "kind": first.kind,
                "count": len(alerts),
                "sandbox": settings.SANDBOX,
                "alerts": [
                    described(alert, is_over=is_over) for alert in alerts[:SHOWN]
                ],
            },
        )


def trial_message(person: str) -> Message:
    """What “Send a test alert” sends."""
    with translation.override(settings.LANGUAGE_CODE):
        return Message(
            subject=f"[{prefix()}] " + _("Test alert"),
            text=_("%(person)s sent this to see that alerts arrive. They do.")
            % {"person": person},
            payload={"event": "test", "sandbox": settings.SANDBOX},
        )


def _text(alert: Alert, is_over: bool) -> str:
    since = _("Since: %(time)s") % {"time": moment(alert.raised_at)}
    lines = [alert_sentence(alert), since]
    if is_over and alert.over_at is not None:
        over = _("Over: %(alert)s") % {"alert": moment(alert.over_at)}
        lines = [since, over]
    if link := alert_link(alert):
        lines.append(link)
    return "\n".join(lines)


def _title(alerts: Sequence[Alert], is_over: bool) -> str:
    count = len(alerts)
    words = ngettext(
        "%(count)d alert: %(kind)s", "%(count)d alerts: %(kind)s", count
    ) % {"count": count, "kind": alerts[0].get_kind_display()}
    return _("Over: %(alert)s") % {"alert": words} if is_over else words


def _list(alerts: Sequence[Alert]) -> str:
    lines = [
        f"{subject_name(alert)}: {alert_sentence(alert)}" for alert in alerts[:SHOWN]
    ]
    if len(alerts) > SHOWN:
        lines.append(_("… and %(count)d more") % {"count": len(alerts) - SHOWN})
    if link := settings.WHATSAPP_PORTAL_URL:
        lines.append(f"{link}/admin/")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """A name cannot add a header to a mail."""
    return " ".join(text.split())
