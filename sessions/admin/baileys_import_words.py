"""Names of what moves along and what stays behind when a phone is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# The categories of a Conversion's `carried` and `lost`; unknown ones show their id.
NAMES: dict[str, _StrPromise] = {
    "creds": _("device"),
    "pre-key": _("prekeys"),
    "session": _("Signal sessions"),
    "identity-key": _("identities"),
    "sender-key": _("sender keys"),
    "sender-key-memory": _("notes of who has our sender keys"),
    "app-state-sync-key": _("app state keys"),
    "app-state-sync-version": _("app state versions"),
    "lid-mapping": _("LID pairs"),
    "tctoken": _("privacy tokens"),
    "device-list": _("lists of devices"),
    "closed-state": _("closed states of sessions"),
    "message-key": _("keys of single late messages"),
    "leftover": _("rows of an earlier link"),
    "message-secret": _("secrets of polls and reactions"),
}
# One of it, always: counting it says nothing.
UNCOUNTED = "creds"


def in_words(counts: Mapping[str, int]) -> list[str]:
    """“Signal sessions 12”, the largest first; nothing for what is not there."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        f"{NAMES.get(category, category)} {count}"
        for category, count in ordered
        if count and category != UNCOUNTED
    ]
