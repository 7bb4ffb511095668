"""What the pages tell of a phone: its facts, and what they mean for the reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from phones.models import OrganizationPhone, Status
from sessions.models import Host, Pairing, SessionFacts, Wish
from sessions.policy.cause_groups import advice
from sessions.policy.causes import CAUSES, sentence
from sessions.policy.rule_texts import held_sentence, rule_in_words

# A host must be running for these to be true.
SERVED = (
    Status.PAIRING,
    Status.CONNECTING,
    Status.CONNECTED,
    Status.UNPROVEN,
    Status.DISCONNECTED,
    Status.WAITING,
)
NEEDS_PERSON = (Status.HELD, Status.LOGGED_OUT, Status.WAITING)
TONES = {
    Status.NEW: "plain",
    Status.PAIRING: "busy",
    Status.CONNECTING: "busy",
    Status.CONNECTED: "good",
    Status.UNPROVEN: "warn",
    Status.DISCONNECTED: "warn",
    Status.WAITING: "warn",
    Status.HELD: "bad",
    Status.STOPPED: "plain",
    Status.LOGGED_OUT: "bad",
}
MEANINGS = {
    Status.NEW: gettext_lazy("Not linked yet: press Link and scan the code."),
    Status.PAIRING: gettext_lazy("A code is waiting to be scanned."),
    Status.CONNECTING: gettext_lazy("The session is starting."),
    Status.CONNECTED: gettext_lazy("Connected, and WhatsApp answers."),
    Status.UNPROVEN: gettext_lazy(
        "Connected, but WhatsApp has not answered for a while."
    ),
    Status.DISCONNECTED: gettext_lazy(
        "The connection is lost; it comes back by itself."
    ),
    Status.WAITING: gettext_lazy("A timer ends this wait; nothing is to be done."),
    Status.HELD: gettext_lazy("Held until a person presses Start."),
    Status.STOPPED: gettext_lazy("Stopped by a person; press Start to run it again."),
    Status.LOGGED_OUT: gettext_lazy(
        "The keys are gone: press Link and scan a new code."
    ),
}


def told(phones: QuerySet[OrganizationPhone]) -> QuerySet[OrganizationPhone]:
    """`phones` with all that a Story asks for, in one query."""
    alive = Host.objects.alive().filter(pk=OuterRef("lease__host_id"))
    active = Pairing.objects.active().filter(phone=OuterRef("pk"))
    return phones.select_related("organization", "facts", "wish", "lease").annotate(
        served=Exists(alive),
        pairing_active=Exists(active),
        any_host=Exists(Host.objects.alive()),
    )


@dataclass(frozen=True)
class Warned:
    """A warning of a phone: SessionFacts.warnings."""

    cause_id: str
    values: dict[str, Any]

    @property
    def tone(self) -> str:
        return "bad" if self.values.get("level") == "alarm" else "warn"

    @property
    def sentence(self) -> str:
        return sentence(self.cause_id, self.values)

    @property
    def advice(self) -> str:
        """What a person should do."""
        return advice(self.cause_id)["you_do"]

    @property
    def since(self) -> datetime | None:
        return parse_datetime(str(self.values.get("since", "")))


def needing_person(phones: QuerySet[OrganizationPhone]) -> QuerySet[OrganizationPhone]:
    """Those that somebody should look at; an incident ends without anybody."""
    return phones.filter(status__in=NEEDS_PERSON, facts__incident=None)


@dataclass(frozen=True)
class Story:
    """One phone of a `told` query set, at one moment."""

    phone: OrganizationPhone
    now: datetime

    @classmethod
    def of(cls, phone: OrganizationPhone) -> Story:
        return cls(phone, timezone.now())

    @cached_property
    def facts(self) -> SessionFacts:
        found: SessionFacts = _related(self.phone, "facts") or SessionFacts()
        return found

    @cached_property
    def wish(self) -> Wish:
        found: Wish = _related(self.phone, "wish") or Wish()
        return found

    @property
    def status(self) -> Status:
        return Status(self.phone.status)

    @property
    def served(self) -> bool:
        """A living host has the phone's lease."""
        return bool(self._annotated("served"))

    @property
    def any_host(self) -> bool:
        """Some host lives."""
        return bool(self._annotated("any_host"))

    def _annotated(self, name: str) -> Any:
        return self.phone.__dict__[name]

    @property
    def unserved(self) -> bool:
        """The status is only the last known one: no living host has this phone."""
        return self.status in SERVED and not self.served

    @property
    def tone(self) -> str:
        return "lost" if self.unserved else TONES[self.status]

    @property
    def label(self) -> str:
        return _("no server") if self.unserved else str(self.status.label)

    @property
    def sentence(self) -> str:
        """What it is and what to do, in one sentence."""
        if self.unserved:
            return unserved_sentence(any_host=self.any_host)
        cause, values = self.facts.cause, self.facts.cause_values
        if cause and self.status == Status.HELD:
            return held_sentence(cause, values)
        return sentence(cause, values) if cause else str(MEANINGS[self.status])

    @property
    def cause_id(self) -> str:
        """The cause that `sentence` tells of; empty when it tells of none."""
        if self.unserved:
            return "" if self.any_host else "no_host"
        return self.facts.cause if self.facts.cause in CAUSES else ""

    @property
    def warnings(self) -> list[Warned]:
        """What a person must do while it still runs, the alarms first."""
        found = [
            Warned(cause_id, values)
            for cause_id, values in self.facts.warnings.items()
            if cause_id in CAUSES
        ]
        return sorted(found, key=lambda warned: warned.tone)

    @property
    def rule(self) -> str:
        """The rule that decides what happens next; empty when none does."""
        return "" if self.unserved else rule_in_words(self.facts.rule)

    @property
    def next_at(self) -> datetime | None:
        """When something happens by itself; None when nothing will."""
        return None if self.unserved else self.facts.next_at

    @property
    def linked(self) -> bool:
        return self.facts.linked

    @property
    def pairing_active(self) -> bool:
        return bool(self._annotated("pairing_active"))

    @property
    def needs_person(self) -> bool:
        return self.status in NEEDS_PERSON and self.facts.incident_id is None

    @property
    def host_name(self) -> str:
        return self.facts.host_name if self.status in SERVED else ""

    @property
    def wanted(self) -> bool:
        """A person wants it to run."""
        return self.wish.desired == Wish.Desired.RUN

    @property
    def shut_until(self) -> datetime | None:
        """Linking is refused until then; None when it is not, or no more."""
        until = self.facts.link_shut_until
        return until if until is not None and until > self.now else None

    @property
    def pending(self) -> bool:
        """A wish that no host has acted on yet."""
        return self.wish.generation > self.facts.seen_generation

    @property
    def offers(self) -> list[str]:
        """Verbs that make sense now, in the order of the buttons."""
        stopped = not self.wanted or self.status in (Status.HELD, Status.STOPPED)
        offered = {
            "link": not self.linked and not self.pairing_active,
            "scan": self.pairing_active,
            "start": self.linked and stopped,
            "restart": self.linked and not stopped,
            "stop": self.wanted,
            "hold": self.linked and self.wanted and self.status != Status.HELD,
            "unlink": self.linked,
            "clear": self.linked or self.status not in (Status.NEW, Status.PAIRING),
        }
        return [verb for verb, sensible in offered.items() if sensible]


def unserved_sentence(*, any_host: bool) -> str:
    if any_host:
        return _("No server has this phone at the moment; one takes it in a minute.")
    return sentence("no_host", {})


def _related(phone: OrganizationPhone, name: str) -> Any:
    try:
        return getattr(phone, name)
    except ObjectDoesNotExist:
        return None
