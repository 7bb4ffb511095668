"""Taking over a phone that a Baileys server had linked.

All of it is one transaction that begins with the lock of the phone's lease row, so no
host can take the phone meanwhile, and a crash leaves it untouched. The lease is given
to nobody; its epoch rises, so that no store file of former days wins the next start.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.live import publish
from phones.models import (
    AuditEntry,
    Change,
    Organization,
    OrganizationPhone,
    Status,
)
from phones.numbers import parse_number
from sessions.auth import central_copy
from sessions.auth.adoption_outlook import Fate, Outlook, judge, phone_of
from sessions.auth.adoption_plan import Plan as Plan
from sessions.auth.adoption_plan import plan as plan
from sessions.auth.imported_rows import entries
from sessions.models import BaileysAuth, PhoneLease, SessionFacts, Wish

if TYPE_CHECKING:
    from phones.models.organization import Person

logger = logging.getLogger(__name__)

# What the guards of the policy remember of a former device.
FORGOTTEN: dict[str, Any] = {
    "rule": "",
    "next_at": None,
    "attempts": 0,
    "dial_failures": 0,
    "held_generation": None,
    "link_shut_until": None,
    "connected_at": None,
    "replaced_at": None,
    "losses": [],
    "reconnects": [],
    "warnings": {},
    "incident": None,
}


@dataclass(frozen=True)
class Adopted:
    """The phone is here with these keys. rows: written now, 0 if `already_here`."""

    phone: OrganizationPhone
    rows: int
    already_here: bool = False


@dataclass(frozen=True)
class Refused:
    """The phone was not taken over; `reason` is a sentence.

    scan_needed: it is registered here without keys, and its page says why.
    """

    reason: str
    phone: OrganizationPhone | None = None
    scan_needed: bool = False


def adopt(
    plan: Plan,
    organization: Organization,
    user: Person | None = None,
    *,
    start: bool = False,
) -> Adopted | Refused:
    """Write a planned phone into `organization`; a second time writes nothing.

    The phone is made when it is new, and stopped unless `start`. `user` None: the
    command line. Raises ValidationError for a number that is none.
    """
    number = parse_number(plan.number)
    rows = _encrypted(plan, organization, number)
    with transaction.atomic():
        phone = phone_of(organization, number)
        if phone is not None:
            lock_lease(phone)
        outlook = judge(plan, phone, number)
        if outlook.fate == Fate.TAKE_OVER and not rows:
            outlook = Outlook(Fate.REFUSED, _("It was in use just now; try again."))
        if outlook.fate == Fate.REFUSED:
            return Refused(outlook.reason, phone)
        if outlook.fate == Fate.ALREADY_HERE and phone is not None:
            return Adopted(phone, 0, already_here=True)
        if phone is None:
            phone = OrganizationPhone(organization=organization, phone_number=number)
            phone.save()
            lock_lease(phone)
        if outlook.fate == Fate.SCAN_NEEDED:
            _note_failure(phone, plan, outlook.reason, user)
            return Refused(outlook.reason, phone, scan_needed=True)
        _take_over(phone, plan, rows, user, start=start)
    return Adopted(phone, len(rows))


def _encrypted(
    plan: Plan, organization: Organization, number: str
) -> list[BaileysAuth]:
    """Before the lock is taken; none unless it looks as if they were needed."""
    outlook = judge(plan, phone_of(organization, number), number)
    if outlook.fate != Fate.TAKE_OVER or plan.conversion is None:
        return []
    found = entries(plan.conversion.rows, plan.jid)
    return central_copy.encrypted(organization.pk, plan.jid, found)


def register(
    organization: Organization, number: str, user: Person | None = None
) -> OrganizationPhone:
    """The organization's phone of this number, made without keys when it is new."""
    with transaction.atomic():
        phone = phone_of(organization, number)
        if phone is None:
            phone = OrganizationPhone(organization=organization, phone_number=number)
            phone.save()
            AuditEntry.objects.record(verb="add_phone", phone=phone, user=user)
    return phone


def outlook_of(done: Adopted | Refused) -> tuple[Outlook, OrganizationPhone | None]:
    """What an import has done with the phone, in the words of what it would do."""
    if isinstance(done, Adopted):
        fate = Fate.ALREADY_HERE if done.already_here else Fate.TAKE_OVER
        return Outlook(fate), done.phone
    fate = Fate.SCAN_NEEDED if done.scan_needed else Fate.REFUSED
    return Outlook(fate, done.reason), done.phone


def lock_lease(phone: OrganizationPhone) -> PhoneLease:
    """The lease row, locked to the end of the caller's transaction."""
    PhoneLease.objects.get_or_create(phone=phone)
    return PhoneLease.objects.select_for_update().get(phone=phone)


def _take_over(
    phone: OrganizationPhone,
    plan: Plan,
    rows: list[BaileysAuth],
    user: Person | None,
    *,
    start: bool,
) -> None:
    BaileysAuth.objects.of(phone).delete()  # what was given back to Baileys before
    central_copy.write(rows)
    _outdate_files(phone)
    desired = Wish.Desired.RUN if start else Wish.Desired.STOP
    generation = Wish.objects.want(phone, user, desired=desired)
    facts: dict[str, Any] = {**FORGOTTEN, "linked": True}
    if not start:
        facts["seen_generation"] = generation  # no host needs to look at a stopped one
    write_facts(
        phone,
        Status.STOPPED,
        "imported",
        {},
        phone_jid=plan.jid,
        qr_code=None,
        facts=facts,
    )
    leave_trace("import_baileys", phone, user, rows=len(rows), started=start)
    # The command prints a line for each; the audit keeps it.
    logger.debug("phone taken over phone=%s rows=%d", phone.masked, len(rows))


def _outdate_files(phone: OrganizationPhone) -> None:
    """No store file of before wins the next start."""
    PhoneLease.objects.filter(phone=phone).update(
        host=None,
        number=None,
        expires_at=None,
        session_pid=None,
        session_start_time=None,
        epoch=F("epoch") + 1,
        auth_epoch=F("epoch") + 1,
        auth_sequence=1,  # 0 would let a local file win
    )


def _note_failure(
    phone: OrganizationPhone, plan: Plan, reason: str, user: Person | None
) -> None:
    """It needs a scan, and its page says why; written once."""
    values = {"reason": reason.rstrip("."), "check": plan.findings[0].check}
    facts, _made = SessionFacts.objects.get_or_create(phone=phone)
    if (facts.cause, facts.cause_values) == ("not_imported", values):
        return
    status = Status.LOGGED_OUT if phone.phone_jid else Status.NEW
    write_facts(phone, status, "not_imported", values, facts={})
    leave_trace("import_baileys", phone, user, failed=plan.findings[0].check)


def write_facts(
    phone: OrganizationPhone,
    status: Status,
    cause: str,
    values: dict[str, Any],
    *,
    facts: dict[str, Any],
    **columns: Any,
) -> None:
    """Status, cause and `facts`, in a transaction that has the lease row's lock."""
    now = timezone.now()
    columns |= {"status": status, "updated_at": now}
    OrganizationPhone.objects.filter(pk=phone.pk).update(**columns)
    for name, value in columns.items():
        setattr(phone, name, value)
    facts = {**facts, "cause": cause, "cause_values": values, "since": now}
    SessionFacts.objects.update_or_create(phone=phone, defaults=facts)
    publish(Change.Kind.FACT, phone.pk)


def leave_trace(
    verb: str, phone: OrganizationPhone, user: Person | None, **detail: Any
) -> None:
    AuditEntry.objects.record(verb=verb, phone=phone, user=user, detail=detail)
    publish(Change.Kind.WISH, phone.pk)
