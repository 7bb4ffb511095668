"""Verbs about a phone's keys: clear, put back, check. Part of `sessions.verbs`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from phones.models import AuditEntry, OrganizationPhone
from sessions.asking import VerbRefused, ask, facts_of, leave_trace, runs_elsewhere
from sessions.auth import quarantine
from sessions.models import BaileysAuth, Pairing, PhoneRequest, Quarantine

if TYPE_CHECKING:
    from phones.models.organization import Person

Kind = PhoneRequest.Kind
# Where a phone's keys come from, or go to.
CROSSINGS = ("link", "import_baileys", "export_baileys")


def clear(
    phone: OrganizationPhone, user: Person | None = None, *, log_out: bool = False
) -> PhoneRequest:
    """Wipe the keys here; the phone lists the device until it is removed there.

    log_out: if the phone is connected, WhatsApp is told first, so that the phone stops
    listing the device; without its answer the keys are wiped all the same. Always ends:
    who asks from a page or a terminal sees it through with `sessions.stand_in`. A clear
    that waits already is joined.
    """
    with transaction.atomic():
        waiting = _waiting_clear(phone, log_out=log_out)
        if waiting is not None:
            leave_trace("clear", phone, user, request=waiting.pk)
            return waiting
        payload = {"log_out": True} if log_out else {}
        return ask("clear", Kind.CLEAR, phone, user, payload)


def clear_many(
    phones: Iterable[OrganizationPhone],
    user: Person | None = None,
    *,
    log_out: bool = False,
) -> list[PhoneRequest]:
    """`clear` for each, all or none of them asked; in the order of the phones."""
    with transaction.atomic():
        return [clear(phone, user, log_out=log_out) for phone in phones]


def _waiting_clear(phone: OrganizationPhone, *, log_out: bool) -> PhoneRequest | None:
    open_ones = PhoneRequest.objects.claimable().filter(phone=phone, kind=Kind.CLEAR)
    wanted = {"log_out": True} if log_out else {}
    return next((one for one in open_ones if one.payload == wanted), None)


def put_back(kept: Quarantine, user: Person | None = None) -> PhoneRequest:
    """Undo a wipe: the keys leave the quarantine, and a phone that is to run, runs.

    Raises VerbRefused with the reason.
    """
    if reason := why_not_put_back(kept):
        raise VerbRefused(reason)
    phone: OrganizationPhone = kept.phone  # type: ignore[assignment]
    return ask("put_back", Kind.PUT_BACK, phone, user, {"quarantine": kept.pk})


def why_not_put_back(kept: Quarantine) -> str:
    """A sentence; empty when the keys can be used again."""
    phone = kept.phone
    if kept.logged_out:
        return _("WhatsApp has ended this device: link the phone again.")
    if phone is None or kept.organization_id != phone.organization_id:
        return _("The phone of these keys is gone.")
    if _were_given_back(kept):
        return _("These keys were given back to Baileys: import the phone from there.")
    if facts_of(phone).linked or BaileysAuth.objects.of(phone).exists():
        return _("This phone has keys already; clear them first.")
    if Pairing.objects.active().filter(phone=phone).exists():
        return _("A link is in progress: wait for its end, or press Stop first.")
    if runs_elsewhere(phone):
        return _("This number is run elsewhere in this portal.")
    if _ran_on(kept, phone):
        return _("This device was connected again since: these keys are an old state.")
    return ""


def _ran_on(kept: Quarantine, phone: OrganizationPhone) -> bool:
    """The same device came back by an import and used its keys up."""
    if phone.last_connected_at is None or phone.last_connected_at <= kept.at:
        return False
    try:
        return quarantine.device_jid(kept) == phone.phone_jid
    except quarantine.NotPutBack:
        return False  # nothing of them can be put back anyway


def _were_given_back(kept: Quarantine) -> bool:
    """Another server runs on them: they were exported, then wiped here."""
    crossings = AuditEntry.objects.filter(
        phone=kept.phone_id, at__lte=kept.at, verb__in=CROSSINGS
    )
    last = crossings.order_by("-id").values_list("verb", flat=True).first()
    return last == "export_baileys"


def check(phone: OrganizationPhone, user: Person | None = None) -> PhoneRequest:
    """Check the auth records now; the outcome is the phone's AuthReport."""
    return ask("check", Kind.CHECK, phone, user)
