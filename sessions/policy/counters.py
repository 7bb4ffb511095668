"""What a phone's past says; kept in its facts between two sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from sessions.policy.rules import Rules

MAX_KEPT = 50  # losses, and reconnects: more than any rule needs


@dataclass(frozen=True)
class Loss:
    """One connection, or one attempt at it, that ended; cause: of the catalogue."""

    cause: str
    at: datetime


@dataclass(frozen=True)
class Counters:
    """What the guards count.

    attempts: process starts in a row that did not lead to a stable connection.
    dial_failures: starts in a row that never reached WhatsApp; not held against it.
    replaced_at: when StreamReplaced was seen last.
    losses: those of the last WHATSAPP_REPEAT_WINDOW, oldest first.
    reconnects: when it was connected again after a loss, within WHATSAPP_FLAP_WINDOW.
    """

    attempts: int = 0
    dial_failures: int = 0
    replaced_at: datetime | None = None
    losses: tuple[Loss, ...] = ()
    reconnects: tuple[datetime, ...] = ()

    def with_loss(self, cause: str, *, now: datetime, rules: Rules) -> Self:
        """One loss more; those past the window are forgotten."""
        recent = (loss for loss in self.losses if now - loss.at < rules.repeat_window)
        return replace(self, losses=(*recent, Loss(cause, now))[-MAX_KEPT:])

    def with_reconnect(self, *, now: datetime, rules: Rules) -> Self:
        """One reconnect more; those past the window are forgotten."""
        recent = (at for at in self.reconnects if now - at < rules.flap_window)
        return replace(self, reconnects=(*recent, now)[-MAX_KEPT:])

    def lost(self, cause: str, *, now: datetime, rules: Rules) -> int:
        """How often the phone was lost for `cause` within the repeat window."""
        return sum(
            loss.cause == cause and now - loss.at < rules.repeat_window
            for loss in self.losses
        )

    def reconnected(self, *, now: datetime, rules: Rules) -> int:
        """How often it came back within the flap window."""
        return sum(now - at < rules.flap_window for at in self.reconnects)

    @property
    def lists(self) -> dict[str, list[Any]]:
        """Losses and reconnects as SessionFacts keeps them (JSON)."""
        return {
            "losses": [[loss.cause, loss.at.isoformat()] for loss in self.losses],
            "reconnects": [at.isoformat() for at in self.reconnects],
        }


def losses_from(rows: Sequence[Any]) -> tuple[Loss, ...]:
    """The inverse of Counters.lists."""
    return tuple(Loss(str(cause), datetime.fromisoformat(at)) for cause, at in rows)


def moments_from(rows: Sequence[str]) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(at) for at in rows)
