"""May a phone of a Baileys server be taken over now, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone
from django.utils.translation import gettext as _

from phones.models import Organization, OrganizationPhone
from sessions.auth.adoption_plan import Plan
from sessions.models import BaileysAuth, Pairing, PhoneLease, SessionFacts
from sessions.policy.causes import CAUSES, EXPORTED
from sessions.policy.number_aliases import spellings

# The clocks of two servers may differ by so much.
CLOCKS = timedelta(minutes=1)


class Fate(StrEnum):
    """What an import does with a phone."""

    TAKE_OVER = "take_over"
    ALREADY_HERE = "already_here"
    SCAN_NEEDED = "scan_needed"
    REFUSED = "refused"
    REGISTERED = "registered"  # known to the source, which holds no keys of it


@dataclass(frozen=True)
class Outlook:
    fate: Fate
    reason: str = ""  # a sentence, for the last two


def phone_of(organization: Organization, number: str) -> OrganizationPhone | None:
    """The organization's row of this number, however it is spelled."""
    found = {
        phone.phone_number: phone
        for phone in organization.phones.filter(phone_number__in=spellings(number))
    }
    return found.get(number) or next(iter(found.values()), None)


def found_here(name: str, number: str, jid: str) -> OrganizationPhone | None:
    """The phone if this very device is linked in the organization of this name."""
    organization = Organization.objects.filter(name=name).first()
    phone = phone_of(organization, number) if organization is not None else None
    if phone is not None and _is_here(phone, _facts_of(phone), jid):
        return phone
    return None


def judge(plan: Plan, phone: OrganizationPhone | None, number: str) -> Outlook:
    """What becomes of `plan` for `phone`; None: the number is new there."""
    if phone is not None:
        facts = _facts_of(phone)
        if _is_here(phone, facts, plan.jid):
            return Outlook(Fate.ALREADY_HERE)
        if reason := _why_not(plan, phone, facts):
            return Outlook(Fate.REFUSED, reason)
    if _linked_elsewhere(number, phone):
        return Outlook(
            Fate.REFUSED, _("This number is linked elsewhere in this portal.")
        )
    if plan.conversion is None:
        given_back = phone is not None and _facts_of(phone).linked
        fate = Fate.REFUSED if given_back else Fate.SCAN_NEEDED
        return Outlook(fate, plan.reason)
    return Outlook(Fate.TAKE_OVER)


def _is_here(phone: OrganizationPhone, facts: SessionFacts, jid: str) -> bool:
    return facts.linked and facts.cause != EXPORTED and phone.phone_jid == jid


def _facts_of(phone: OrganizationPhone) -> SessionFacts:
    return SessionFacts.objects.filter(phone=phone).first() or SessionFacts(phone=phone)


def _why_not(plan: Plan, phone: OrganizationPhone, facts: SessionFacts) -> str:
    """Why the phone as it is here forbids an import; empty if it does not."""
    given_back = facts.linked and facts.cause == EXPORTED
    if Pairing.objects.active().filter(phone=phone).exists():
        return _("It is being linked here at this moment.")
    if PhoneLease.objects.current().filter(phone=phone).exists():
        return _("A server here has this phone; stop it and try again in a minute.")
    if not given_back and (facts.linked or BaileysAuth.objects.of(phone).exists()):
        return _(
            "It is linked here as another device: unlink it or clear its keys first."
        )
    if phone.phone_jid != plan.jid:
        return ""
    cause = CAUSES.get(facts.cause)
    if not facts.linked and cause is not None and cause.credentials == "dead":
        return _("WhatsApp has ended this device since; scan a new QR code.")
    return _why_stale(plan, phone, facts)


def _why_stale(plan: Plan, phone: OrganizationPhone, facts: SessionFacts) -> str:
    """Keys that ran on here must never be replaced by their former state."""
    used: list[datetime | None] = [phone.last_connected_at]
    if facts.cause == EXPORTED:
        used.append(facts.since)
    latest = max((at for at in used if at is not None), default=None)
    newest = plan.newest_change
    if latest is None or newest is None or newest >= latest - CLOCKS:
        return ""
    return _(
        "These records are of %(newest)s, but the same device was used here until "
        "%(latest)s: read them anew from the Baileys server."
    ) % {"newest": _moment(newest), "latest": _moment(latest)}


def _moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _linked_elsewhere(number: str, phone: OrganizationPhone | None) -> bool:
    others = OrganizationPhone.objects.filter(
        phone_number__in=spellings(number), facts__linked=True
    ).exclude(facts__cause=EXPORTED)
    if phone is not None:
        others = others.exclude(pk=phone.pk)
    return others.exists()
