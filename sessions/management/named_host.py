"""A server as people name it at a terminal."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from sessions.models import Host


def named_host(name: str) -> Host:
    """The server of this name; of several the one heard of last.

    Raises CommandError, naming the servers there are.
    """
    found = Host.objects.filter(name=name).order_by("stopped_at", "-beat_at")
    running = found.filter(stopped_at=None).first() or found.first()
    if running is not None:
        return running
    known = ", ".join(Host.objects.order_by("name").values_list("name", flat=True))
    raise CommandError(
        _("There is no server %(name)r. Known: %(known)s.")
        % {"name": name, "known": known or _("none; start `manage.py run_sessions`")}
    )
