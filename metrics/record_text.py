"""The DISCONNECT EVENT record: what was known at a loss, in the words of its users.

The frame is fixed, so that it can be found in a log; the labels are in the language in
force (of the server for the log, of the reader for the page).
"""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from metrics.models import ConnectionMetrics, Event

HEADER = "=== DISCONNECT EVENT ==="
FOOTER = "=" * len(HEADER)
LOSSES = (Event.DISCONNECTED, Event.LOGGED_OUT, Event.CRASHED)
NOTHING = "—"


def disconnect_record(row: ConnectionMetrics, *, number: str) -> str:
    """`row` as the record's lines. `number` is written as given: mask it for a log."""
    at = timezone.localtime(row.timestamp).isoformat(" ", "seconds")
    fields = (
        (_("Time"), at),
        (_("Number"), number),
        (_("Error code"), NOTHING if row.error_code is None else str(row.error_code)),
        (_("Error message"), row.error_message or NOTHING),
        (_("Time since the last connect"), duration(row.connected_seconds)),
        (_("Last action"), row.last_action or NOTHING),
        (_("Library version"), row.library_version or NOTHING),
        (_("Cause"), row.cause or NOTHING),
    )
    lines = [f"{label}: {_one_line(value)}" for label, value in fields]
    return "\n".join([HEADER, *lines, FOOTER])


def duration(seconds: float | None) -> str:
    """Seconds as “2 d 3:04:05”; None: it has never been connected."""
    if seconds is None:
        return _("never connected")
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02}:{second:02}"
    if not days:
        return clock
    return _("%(days)d d %(clock)s") % {"days": days, "clock": clock}


def _one_line(text: str) -> str:
    """A message cannot forge another line of the record."""
    return " ".join(text.split())
