"""When a phone's row may not be changed or removed, and what to do first."""

from __future__ import annotations

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions.models import BaileysAuth, Pairing, PhoneLease, Wish
from sessions.verbs import facts_of, wish_of


def why_busy(phone: OrganizationPhone) -> str:
    """Why the phone's number and row must stay as they are; empty when they need not.

    Called inside a transaction: it locks the lease, so no host can take the phone
    between this answer and the commit.
    """
    lease = PhoneLease.objects.select_for_update().filter(phone=phone).first()
    if Pairing.objects.active().filter(phone=phone).exists():
        return _("A link is in progress: press Stop first.")
    if facts_of(phone).linked:
        return _("This phone is linked: press Unlink (or Clear auth) first.")
    if wish_of(phone).desired == Wish.Desired.RUN:
        return _("This phone is meant to run: press Stop first.")
    if lease is not None and lease.host_id is not None:
        return _("A server still has this phone: try again in half a minute.")
    if BaileysAuth.objects.of(phone).exists():
        return _("Keys of this phone are still kept: press Clear auth first.")
    return ""
