"""The numbers that texts name, as people read them: settings, and WhatsApp's limits."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sessions.policy.warnings import DEVICE_LIMIT, PRIMARY_LIMIT

DEVICES = 4  # linked to one phone: https://faq.whatsapp.com/378279804439436
# One code of 60 s and five of 20 s (measured on neonize 0.5.2).
CODES_LAST = timedelta(seconds=160)

DURATIONS = {
    "ride": "WHATSAPP_RIDE",
    "ride_overloaded": "WHATSAPP_RIDE_OVERLOADED",
    "overloaded_retry": "WHATSAPP_OVERLOADED_RETRY",
    "max_delay": "WHATSAPP_MAX_DELAY",
    "slow_lane": "WHATSAPP_SLOW_LANE",
    "flap_window": "WHATSAPP_FLAP_WINDOW",
    "flap_pause": "WHATSAPP_FLAP_PAUSE",
    "replaced_retry": "WHATSAPP_REPLACED_RETRY",
    "replaced_window": "WHATSAPP_REPLACED_WINDOW",
    "ban_margin": "WHATSAPP_BAN_MARGIN",
    "ban_without_date": "WHATSAPP_BAN_WITHOUT_DATE",
    "outdated_retry": "WHATSAPP_OUTDATED_RETRY",
    "link_shut": "WHATSAPP_LINK_SHUT",
    "link_claim": "WHATSAPP_LINK_CLAIM",
    "just_paired": "WHATSAPP_JUST_PAIRED",
    "repeat_window": "WHATSAPP_REPEAT_WINDOW",
    "slow_answers_window": "WHATSAPP_SLOW_ANSWERS_WINDOW",
    "lease_ttl": "WHATSAPP_LEASE_TTL",
    "online_deadline": "WHATSAPP_ONLINE_DEADLINE",
    "proof_age": "WHATSAPP_PROOF_AGE",
    "silence": "WHATSAPP_SILENCE",
    "primary_warning": "WHATSAPP_PRIMARY_WARNING",
    "primary_alarm": "WHATSAPP_PRIMARY_ALARM",
    "stopped_warning": "WHATSAPP_STOPPED_WARNING",
    "timelock": "WHATSAPP_TIMELOCK",
    "send_pause": "WHATSAPP_SEND_PAUSE",
    "quarantine": "WHATSAPP_QUARANTINE",
    "incident_probe": "WHATSAPP_INCIDENT_PROBE",
}
COUNTS = {
    "max_attempts": "WHATSAPP_MAX_ATTEMPTS",
    "flaps": "WHATSAPP_FLAPS",
    "crash_limit": "WHATSAPP_CRASH_LIMIT",
    "stream_error_limit": "WHATSAPP_STREAM_ERROR_LIMIT",
    "slow_answers": "WHATSAPP_SLOW_ANSWERS",
}
HEARTBEATS = 3  # missed ones after which a session process is ended


def spelled() -> dict[str, str]:
    """{name: number with its unit, in the language in force}."""
    share = 100 * settings.WHATSAPP_UNDECRYPTABLE_SHARE
    retries = settings.WHATSAPP_REFUSED_RETRIES
    return {
        **{name: span(getattr(settings, key)) for name, key in DURATIONS.items()},
        **{name: str(getattr(settings, key)) for name, key in COUNTS.items()},
        "refused_retries": ", ".join(span(delay) for delay in retries),
        "heartbeats": span(HEARTBEATS * settings.WHATSAPP_HEARTBEAT),
        "undecryptable_share": f"{share:g} %",
        "device_count": str(DEVICES),
        "primary_limit": span(PRIMARY_LIMIT),
        "device_limit": span(DEVICE_LIMIT),
        "qr_life": span(CODES_LAST),
    }


def span(length: timedelta) -> str:
    """A length of time in the largest unit that gives a whole number above one."""
    seconds = length.total_seconds()
    if seconds >= 2 * 86400 and not seconds % 86400:
        days = int(seconds // 86400)
        return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
    if seconds >= 2 * 3600 and not seconds % 3600:
        return _("%(hours)d h") % {"hours": seconds // 3600}
    if seconds >= 2 * 60 and not seconds % 60:
        return _("%(minutes)d min") % {"minutes": seconds // 60}
    return _("%(seconds)s s") % {"seconds": f"{seconds:g}"}
