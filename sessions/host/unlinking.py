"""An unlink has half a minute: WhatsApp confirms it, or Clear is offered instead."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.host.journal import Entry
from sessions.host.scribe import Scribe
from sessions.models import PhoneRequest

MARGIN_SECONDS = 1.0  # before the request would end as merely expired
TIMER = "unlink"


def seconds_left(request: PhoneRequest) -> float:
    """Until it must be given up."""
    left = (request.expires_at - timezone.now()).total_seconds() - MARGIN_SECONDS
    return max(left, 0.0)


async def give_up(scribe: Scribe, request: PhoneRequest) -> None:
    """Close it as failed; the person may still clear the keys here."""
    offer = _(
        "WhatsApp did not confirm the unlink. Clear the keys here and remove the "
        "device on the phone under Linked devices."
    )
    failed = PhoneRequest.Result.FAILED
    await scribe.write(Entry(closed=[(request.pk, failed, {"error": offer})]))
