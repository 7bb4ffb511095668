"""What a confirmation of Clear auth says: what goes, what stays, what is next."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from phones.admin.auth_categories import stock
from phones.admin.story import SERVED, Story
from phones.models import Status
from sessions.models import BaileysAuth

CONNECTED = (Status.CONNECTED, Status.UNPROVEN)


def can_log_out(story: Story) -> bool:
    """WhatsApp can be told of it now."""
    return story.status in CONNECTED and story.served


def explain_one(story: Story) -> list[str]:
    return [
        _what_goes(story),
        *_who_ends_it([story]),
        *_what_stays(),
        _("The phone is then “%(status)s”: press Link and scan a new code.")
        % {"status": Status.LOGGED_OUT.label},
    ]


def explain_several(stories: Iterable[Story]) -> list[str]:
    """For any number of phones, without counting each one's rows."""
    return [
        ngettext(
            "The keys go from here to the encrypted quarantine, for %(count)d day.",
            "The keys go from here to the encrypted quarantine, for %(count)d days.",
            settings.WHATSAPP_QUARANTINE.days,
        )
        % {"count": settings.WHATSAPP_QUARANTINE.days},
        *_who_ends_it(list(stories)),
        *_what_stays(),
        _("Each phone is then “%(status)s” until somebody scans a new code with it.")
        % {"status": Status.LOGGED_OUT.label},
    ]


def _what_goes(story: Story) -> str:
    counted = stock(BaileysAuth.objects.of(story.phone))
    if not counted.rows:
        return _("No keys of %(number)s are stored here; what is left of it goes.") % {
            "number": story.phone
        }
    parts = [f"{share.category.label} ({share.rows})" for share in counted.shares]
    text = ngettext(
        "All %(rows)d rows of %(number)s go: %(parts)s. A copy stays in the encrypted "
        "quarantine for %(count)d day.",
        "All %(rows)d rows of %(number)s go: %(parts)s. A copy stays in the encrypted "
        "quarantine for %(count)d days.",
        settings.WHATSAPP_QUARANTINE.days,
    )
    return text % {
        "rows": counted.rows,
        "number": story.phone,
        "parts": ", ".join(parts),
        "count": settings.WHATSAPP_QUARANTINE.days,
    }


def _who_ends_it(stories: list[Story]) -> list[str]:
    """What happens to sessions that run, and how long it takes."""
    lines = []
    running = [story for story in stories if story.status in SERVED]
    if any(story.served for story in running):
        lines.append(
            _(
                "A session that runs is ended first, whichever server has it; this "
                "takes seconds, 30 at most."
            )
        )
    if any(not story.served for story in running):
        lines.append(
            _(
                "A server that does not answer cannot hold it up: its hold on a phone "
                "runs out after %(seconds)d seconds, then the keys are cleared."
            )
            % {"seconds": settings.WHATSAPP_LEASE_TTL.total_seconds()}
        )
    return lines


def _what_stays() -> list[str]:
    return [
        _(
            "Unless it is logged out first, WhatsApp is not told: the phone lists the "
            "device until somebody removes it there (Linked devices)."
        ),
        _(
            "Keys of a device that was never logged out can be put back from the "
            "quarantine, without a scan."
        ),
    ]
