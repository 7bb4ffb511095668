"""What verbs share: what they look at first, and what they leave behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from phones.live import publish
from phones.models import AuditEntry, Change, OrganizationPhone, Status
from sessions.models import PhoneRequest, SessionFacts, Wish

if TYPE_CHECKING:
    from phones.models.organization import Person


class VerbRefused(Exception):
    """The verb makes no sense now; the message is a sentence for the person."""


def facts_of(phone: OrganizationPhone) -> SessionFacts:
    """The phone's facts; an unsaved empty row when no host has written any."""
    return SessionFacts.objects.filter(phone=phone).first() or SessionFacts(phone=phone)


def runs_elsewhere(phone: OrganizationPhone) -> bool:
    """Another row with this number is wanted to run and has, or is getting, keys."""
    return (
        OrganizationPhone.objects.filter(phone_number=phone.phone_number)
        .exclude(pk=phone.pk)
        .filter(wish__desired=Wish.Desired.RUN)
        .exclude(status__in=(Status.NEW, Status.LOGGED_OUT, Status.STOPPED))
        .exists()
    )


def ask(
    verb: str,
    kind: PhoneRequest.Kind,
    phone: OrganizationPhone,
    user: Person | None,
    payload: dict[str, Any] | None = None,
) -> PhoneRequest:
    """A request of this person to whichever host has the phone, with its trace."""
    lifetime: timedelta = PhoneRequest.LIFETIMES[kind]
    with transaction.atomic():
        request = PhoneRequest.objects.create(
            phone=phone,
            kind=kind,
            requested_by_id=user.pk if user is not None else None,
            expires_at=timezone.now() + lifetime,
            payload=payload or {},
        )
        leave_trace(verb, phone, user, request=request.pk)
    return request


def leave_trace(
    verb: str, phone: OrganizationPhone, user: Person | None, **detail: Any
) -> None:
    """The audit row, and the wake-up for the host."""
    AuditEntry.objects.record(verb=verb, phone=phone, user=user, detail=detail)
    publish(Change.Kind.WISH, phone.pk)
