"""Waiting at a terminal for what a host does with a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.models import Host, PhoneRequest
from sessions.verbs import VerbRefused

POLL = 0.15  # seconds
GRACE = timedelta(seconds=5)  # beyond the request's own life, for the host's answer

Pause = Callable[[float], None]


def wait_for(
    request: PhoneRequest, *, pause: Pause = time.sleep, until: datetime | None = None
) -> PhoneRequest:
    """The closed request.

    Raises VerbRefused with a sentence when it failed, expired or is still open at
    `until` (by default a little after the request's own end).
    """
    until = until or request.expires_at + GRACE
    while request.done_at is None:
        if timezone.now() > until:
            raise VerbRefused(_unanswered(request))
        pause(POLL)
        request.refresh_from_db()
    if request.result == PhoneRequest.Result.DONE:
        return request
    error = request.answer.get("error")
    raise VerbRefused(error or _unanswered(request))


def _unanswered(request: PhoneRequest) -> str:
    if not Host.objects.alive().exists():
        return _("No server is running sessions; start `manage.py run_sessions`.")
    if request.claimed_epoch is None:
        return _("The server did not come to it in time; try again.")
    return _("The server did not answer in time; the outcome is not known.")
