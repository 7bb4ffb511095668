"""What the QR page shows of a pairing, as a picture of the moment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from phones.admin.story import Story, unserved_sentence
from phones.live import publish
from phones.models import Change
from phones.qr import draw
from sessions.models import Pairing, PairingState
from sessions.policy.cause_groups import advice
from sessions.policy.causes import CAUSES, sentence
from sessions.policy.number_aliases import same_number

# States in which a person may ask for a (new) code.
ASKABLE = ("none", "expired", "failed", "wrong", "no_host_ended")


def end_unclaimed() -> None:
    """End each Link that no host took in time, and wake the pages that wait for it."""
    now = timezone.now()
    late = list(
        Pairing.objects.unclaimed()
        .filter(expires_at__lte=now)
        .values_list("phone_id", flat=True)
    )
    if late and Pairing.objects.end_unclaimed(now):
        for phone_id in late:
            publish(Change.Kind.FACT, phone_id)


@dataclass(frozen=True)
class Stage:
    """The latest pairing of a phone and what the reader should do now."""

    story: Story
    pairing: Pairing | None

    @classmethod
    def of(cls, story: Story) -> Stage:
        pairing = (
            Pairing.objects.filter(phone=story.phone)
            .select_related("requested_by")
            .order_by("-id")
            .first()
        )
        return cls(story, pairing)

    @cached_property
    def state(self) -> str:
        """One word; the template has a block for each."""
        pairing = self.pairing
        if pairing is None or not pairing.is_active:
            return self._ended()
        if self._wrong_number:
            return "undoing"
        if pairing.state == PairingState.REQUESTED:
            return "requested" if self.story.any_host else "no_host"
        if not self.story.served:
            return "no_host"
        if pairing.state == PairingState.QR:
            return "qr" if self._code_is_valid(pairing) else "between"
        return str(pairing.state)

    def _ended(self) -> str:
        pairing = self.pairing
        if self.story.linked:
            return "online"
        if pairing is None or pairing.state == PairingState.ONLINE:
            return "none"
        if pairing.state == PairingState.EXPIRED:
            return "expired"
        return {"q5": "wrong", "no_host": "no_host_ended"}.get(pairing.cause, "failed")

    @property
    def _wrong_number(self) -> bool:
        number = self.pairing.linked_number if self.pairing else ""
        return bool(number) and not same_number(self.story.phone.phone_number, number)

    def _code_is_valid(self, pairing: Pairing) -> bool:
        if not self.story.phone.qr_code or pairing.valid_until is None:
            return False
        return pairing.valid_until > self.story.now

    @property
    def askable(self) -> bool:
        return self.state in ASKABLE

    @property
    def svg(self) -> SafeString:
        return draw(self.story.phone.qr_code or "")

    @property
    def hint(self) -> str:
        """What the phone's owner must do for the same code to work; usually nothing."""
        facts = self.story.facts
        return sentence("q3", {}) if facts.cause == "q3" else ""

    @property
    def sentence(self) -> str:
        """Why it is as it is."""
        if self.state in ("no_host", "no_host_ended"):
            return unserved_sentence(any_host=self.story.any_host)
        pairing = self.pairing
        if pairing is None or not pairing.cause:
            return ""
        facts = self.story.facts
        values = {
            "actual": f"+{pairing.linked_number}" if pairing.linked_number else None,
            "expected": str(self.story.phone),
            "code": pairing.error_code,
        }
        if facts.cause == pairing.cause:
            values.update(facts.cause_values)
        return sentence(pairing.cause, values)

    @property
    def cause_id(self) -> str:
        """Why it ended, if the catalogue knows it."""
        cause = self.pairing.cause if self.pairing else ""
        return cause if cause in CAUSES else ""

    @property
    def advice(self) -> str:
        """What the person in front of the page should do."""
        return advice(self.cause_id).get("you_do", "")

    @property
    def started_by(self) -> str:
        pairing = self.pairing
        if pairing is None:
            return ""
        if pairing.requested_by is None:
            return _("the command line")
        return str(pairing.requested_by.get_username())
