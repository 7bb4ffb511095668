"""What is written when a phone's keys go because a person said so."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from metrics.models import Event
from phones.models import OrganizationPhone, Status
from sessions.host.ending import Ending
from sessions.host.journal import Entry, Happening, Wipe
from sessions.host.verdict import NO_PROCESS, unlinked
from sessions.models import PairingState
from sessions.policy.causes import CAUSES

DEAD = "l1"  # WhatsApp confirmed the logout
CLEARED = "cleared_by_person"


def status_without_keys(phone: OrganizationPhone) -> Status:
    return Status.LOGGED_OUT if phone.phone_jid is not None else Status.NEW


def wiped(phone: OrganizationPhone, ending: Ending) -> Entry:
    """One entry for a clear or an unlink; an active pairing fails with it."""
    cause = DEAD if ending.word == "unlinked" else CLEARED
    return Entry(
        status=status_without_keys(phone),
        phone={"qr_code": None},
        facts=unlinked(cause, {"user": ending.user_name}),
        lease=dict(NO_PROCESS),
        pairing={
            "state": PairingState.FAILED,
            "cause": cause,
            "valid_until": None,
            "ended_at": timezone.now(),
        },
        happenings=[Happening(Event.LOGGED_OUT, cause, CAUSES[cause].code)],
        wipe=Wipe(
            cause,
            logged_out=ending.word == "unlinked" or ending.told,
            user_id=ending.user_id,
        ),
        closed=ending.closed,
    )


def nothing_to_wipe(phone: OrganizationPhone, ending: Ending) -> Entry:
    """What was cleared or logged out before keeps its reason."""
    note = {"note": _("There were no keys here.")}
    closed = [(pk, result, note) for pk, result, _answer in ending.closed]
    return Entry(status=status_without_keys(phone), closed=closed)
