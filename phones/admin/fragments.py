"""What live pages are told of a phone: pieces of HTML by slot, and a few words.

Rendered once per change and language, for everybody who may see the phone: nothing in
here depends on who reads it.
"""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from metrics.models import ConnectionMetrics, Event
from metrics.record_text import duration
from phones.admin.auth_verdict import AuthVerdict
from phones.admin.cells import CELLS, cell, slot_name
from phones.admin.incident_banner import banners
from phones.admin.stage import Stage
from phones.admin.story import Story
from phones.admin.wording import act_in_words, actor_in_words
from phones.models import AuditEntry, OrganizationPhone
from sessions.models import Pairing, PhoneRequest
from sessions.policy.causes import CAUSES, title

SHOWN_EVENTS = 10
SHOWN_PAIRINGS = 5
SHOWN_REQUESTS = 5
SHOWN_AUDIT = 10
EVENT_TONES = {
    Event.CONNECTED: "good",
    Event.PAIRED: "good",
    Event.QR_GENERATED: "busy",
    Event.DISCONNECTED: "warn",
    Event.QR_EXPIRED: "warn",
    Event.LOGGED_OUT: "bad",
    Event.CRASHED: "bad",
    Event.ERROR: "bad",
}
PARTS = ("story", "auth", "events", "pairings", "requests", "audit")

Message = dict[str, Any]


def row_message(story: Story) -> Message:
    """For lists: the live cells."""
    pk = story.phone.pk
    return {
        "phone": pk,
        "slots": {
            **{slot_name(pk, part): cell(story, part) for part in CELLS},
            **banners([story.phone.organization_id]),
        },
    }


def story_message(story: Story) -> Message:
    """For the phone's own page."""
    pk = story.phone.pk
    return {
        "phone": pk,
        "slots": {
            **{slot_name(pk, part): html for part, html in parts(story).items()},
            **banners([story.phone.organization_id]),
        },
        "offers": story.offers,
    }


def stage_message(story: Story) -> Message:
    """For the QR page."""
    stage = Stage.of(story)
    html = render_to_string("phones/stage.html", {"stage": stage})
    return {
        "phone": story.phone.pk,
        "slots": {slot_name(story.phone.pk, "stage"): html},
        "state": stage.state,
    }


def parts(story: Story) -> dict[str, str]:
    """The sections of the phone's page, by name (PARTS)."""
    phone = story.phone
    return {
        "story": render_to_string("phones/story.html", {"story": story}),
        "auth": render_to_string(
            "phones/auth_summary.html",
            {"verdict": AuthVerdict.of(phone, linked=story.linked)},
        ),
        "events": render_to_string("phones/events.html", {"events": _events(phone)}),
        "pairings": render_to_string(
            "phones/pairings.html", {"pairings": _pairings(phone)}
        ),
        "requests": render_to_string(
            "phones/requests.html", {"requests": _requests(phone)}
        ),
        "audit": render_to_string(
            "phones/audit.html",
            {"entries": _audit(phone)},
        ),
    }


def shown_event(row: ConnectionMetrics) -> dict[str, Any]:
    """A row of the history as the tables of events show it."""
    lasted = row.connected_seconds
    return {
        "row": row,
        "tone": EVENT_TONES.get(Event(row.event), "plain"),
        "cause": title(row.cause) if row.cause else "–",
        "cause_id": row.cause if row.cause in CAUSES else "",
        "lasted": duration(lasted) if lasted is not None else "–",
    }


def _events(phone: OrganizationPhone) -> list[dict[str, Any]]:
    rows = ConnectionMetrics.objects.filter(phone=phone)[:SHOWN_EVENTS]
    return [shown_event(row) for row in rows]


def _pairings(phone: OrganizationPhone) -> list[dict[str, Any]]:
    rows = Pairing.objects.filter(phone=phone).select_related("requested_by")
    return [
        {
            "row": row,
            "started_by": _who(row.requested_by),
            "cause": title(row.cause) if row.cause else "–",
            "cause_id": row.cause if row.cause in CAUSES else "",
        }
        for row in rows[:SHOWN_PAIRINGS]
    ]


def _requests(phone: OrganizationPhone) -> list[dict[str, Any]]:
    rows = (
        PhoneRequest.objects.filter(phone=phone)
        .exclude(kind=PhoneRequest.Kind.SEND)
        .select_related("requested_by")
        .order_by("-id")
    )
    return [
        {"row": row, "asked_by": _who(row.requested_by), "outcome": outcome(row)}
        for row in rows[:SHOWN_REQUESTS]
    ]


def _audit(phone: OrganizationPhone) -> list[dict[str, Any]]:
    rows = AuditEntry.objects.filter(phone=phone)
    return [
        {
            "row": row,
            "who": actor_in_words(row.actor),
            "did": act_in_words(row.verb),
        }
        for row in rows[:SHOWN_AUDIT]
    ]


def outcome(request: PhoneRequest) -> str:
    """What became of it, for the person who asked."""
    if request.result == PhoneRequest.Result.EXPIRED:
        return _expired(request)
    if request.result:
        said = request.answer.get("error") or request.answer.get("note")
        shown = str(request.get_result_display())
        return f"{shown}: {said}" if said else shown
    if request.claimed_epoch is not None:
        return _("being done")
    if request.expires_at <= timezone.now():
        return _expired(request)
    return _("waiting for a server")


def _expired(request: PhoneRequest) -> str:
    if request.kind == PhoneRequest.Kind.UNLINK:
        return _(
            "expired: WhatsApp was not reached in time. Clear the keys here and remove "
            "the device on the phone under Linked devices."
        )
    return _("expired: no server took it")


def _who(user: Any) -> str:
    return user.get_username() if user is not None else _("the command line")
