"""A pairing as a stream of events, from looks at its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from sessions.models import Pairing, PairingState
from sessions.policy.causes import sentence

QR_TIMEOUT = 408
LINKED = (PairingState.PAIRED, PairingState.RESTARTING, PairingState.ONLINE)

# As the page says it: WhatsApp shows an error on the phone alone then.
FOUR_DEVICES = gettext_noop(
    "Was it scanned and nothing happened? Open Linked devices on the phone: if four "
    "devices are listed, remove one."
)

Event = dict[str, Any]


@dataclass
class PairingWatch:
    """Remembers what was told, so that each event is told once and in order."""

    _code: str | None = field(default=None, repr=False)
    _paired: bool = False
    ended: bool = False
    connected: bool = False

    def look(self, pairing: Pairing) -> Iterator[Event]:
        """What is new in `pairing`, whose phone was read with it."""
        code = pairing.phone.qr_code
        if pairing.state == PairingState.QR and code and code != self._code:
            self._code = code
            yield self._qr(pairing, code)
        if not self._paired and (pairing.state in LINKED or pairing.paired_at):
            self._paired = True
            yield {"event": "paired", "jid": pairing.phone.phone_jid}
        if not pairing.is_active:
            self.ended = True
            yield self._end(pairing)

    def _qr(self, pairing: Pairing, code: str) -> Event:
        valid_until = pairing.valid_until
        return {
            "event": "qr",
            "code": code,
            "k": pairing.code_number,
            "of": pairing.code_count,
            "valid_until": valid_until.isoformat() if valid_until else None,
        }

    def _end(self, pairing: Pairing) -> Event:
        if pairing.state == PairingState.ONLINE:
            self.connected = True
            return {"event": "connected"}
        if pairing.state == PairingState.EXPIRED:
            text = sentence(pairing.cause or "q1")
            if pairing.cause == "q1":
                text = f"{text} {_(FOUR_DEVICES)}"
            return {
                "event": "expired",
                "code": QR_TIMEOUT,
                "cause": pairing.cause,
                "text": text,
            }
        facts = getattr(pairing.phone, "facts", None)
        values = facts.cause_values if facts and facts.cause == pairing.cause else {}
        return {
            "event": "failed",
            "cause": pairing.cause,
            "code": pairing.error_code,
            "text": sentence(pairing.cause, values),
        }
