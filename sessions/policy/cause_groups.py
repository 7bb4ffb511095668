"""The guides to all causes, by subject, in the order of the list of causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from sessions.policy import (
    cause_guide_baileys,
    cause_guide_bans,
    cause_guide_connection,
    cause_guide_keys,
    cause_guide_linking,
    cause_guide_logins,
    cause_guide_refusals,
    cause_guide_servers,
    cause_guide_warnings,
)
from sessions.policy.cause_guide import Guide
from sessions.policy.spelled_numbers import spelled

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PARTS: tuple[tuple[str, _StrPromise], ...] = (
    ("meaning", _("What it means")),
    ("we_do", _("What we do")),
    ("you_do", _("What you do")),
    ("avoid", _("What not to do")),
)


@dataclass(frozen=True)
class Group:
    """Causes of one subject; `name` is its anchor."""

    name: str
    title: _StrPromise
    guides: dict[str, Guide]


GROUPS = (
    Group("logins", _("Logins ended by WhatsApp"), cause_guide_logins.GUIDES),
    Group("bans", _("Temporary bans"), cause_guide_bans.GUIDES),
    Group("refusals", _("Refused or replaced"), cause_guide_refusals.GUIDES),
    Group("connection", _("Connection and network"), cause_guide_connection.GUIDES),
    Group("linking", _("Linking"), cause_guide_linking.GUIDES),
    Group("warnings", _("Messages and warnings"), cause_guide_warnings.GUIDES),
    Group("keys", _("Keys and storage"), cause_guide_keys.GUIDES),
    Group("servers", _("Servers and people"), cause_guide_servers.GUIDES),
    Group("baileys", _("The move from Baileys"), cause_guide_baileys.GUIDES),
)
GUIDES: dict[str, Guide] = {
    cause_id: guide for group in GROUPS for cause_id, guide in group.guides.items()
}


def advice(cause_id: str) -> dict[str, str]:
    """{part: text} for PARTS, in the language in force; empty for an unknown cause."""
    guide = GUIDES.get(cause_id)
    if guide is None:
        return {}
    numbers = spelled()
    return {part: str(getattr(guide, part)) % numbers for part, _title in PARTS}
