"""What comes out of a conversion between Baileys' rows and whatsmeow's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sessions.auth.rows import Row
from sessions.policy.auth_findings import Finding

# What `carried` and `lost` count beside Baileys' own categories of keys.
CLOSED_STATE = "closed-state"  # older states of sessions that are carried
MESSAGE_KEY = "message-key"  # kept for single messages that are still on their way
LEFTOVER = "leftover"  # rows of an earlier link of the same number
MESSAGE_SECRET = "message-secret"  # noqa: S105  # of polls and reactions


class NotConvertible(Exception):
    """The device's own keys are missing or damaged: it has to be linked anew."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.check)
        self.finding = finding


@dataclass
class Conversion:
    """rows: (whatsmeow's table, row), the device's first, as the store file has them.

    `carried` and `lost` count by category (`session`, `pre-key`, `sender-key`, …); what
    is lost heals by retries. `missing_lids` are the numbers whose sessions lie idle
    until WhatsApp tells their LID.
    """

    rows: list[tuple[str, Row]] = field(repr=False)
    carried: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    missing_lids: list[str] = field(default_factory=list, repr=False)


@dataclass
class BackConversion:
    """rows: Baileys' key → decoded value, with bytes for Buffers."""

    rows: dict[str, Any] = field(repr=False)
    lost: Counter[str] = field(default_factory=Counter)
