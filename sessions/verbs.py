"""What a person can tell the portal to do with a phone.

The one door for the admin and the command line: each verb writes the wish or the
request, its audit row and the wake-up in one transaction. Nothing here talks to a
host. Who may use which verb is `LEAST_ROLE`; the web checks it, the command line is
the server's owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.live import publish
from phones.models import AuditEntry, Change, OrganizationPhone, Role, Status
from sessions.asking import VerbRefused as VerbRefused
from sessions.asking import ask, leave_trace
from sessions.asking import facts_of as facts_of
from sessions.asking import runs_elsewhere as runs_elsewhere
from sessions.key_verbs import check as check
from sessions.key_verbs import clear as clear
from sessions.key_verbs import clear_many as clear_many
from sessions.key_verbs import put_back as put_back
from sessions.key_verbs import why_not_put_back as why_not_put_back
from sessions.models import Host, Pairing, PhoneRequest, Wish
from sessions.models.wish import EVERY_HOST
from sessions.placement import why_not_drain, why_not_forget, why_not_move
from sessions.policy.causes import EXPORTED, sentence
from sessions.policy.warnings import in_force

if TYPE_CHECKING:
    from phones.models.organization import Person

LEAST_ROLE: dict[str, Role] = {
    "link": Role.OPERATOR,
    "start": Role.OPERATOR,
    "stop": Role.OPERATOR,
    "restart": Role.OPERATOR,
    "hold": Role.OPERATOR,
    "send": Role.OPERATOR,
    "unlink": Role.STEWARD,
    "clear": Role.STEWARD,
    "check": Role.OPERATOR,
    "put_back": Role.STEWARD,
}
MAX_TEXT = 65536  # characters; WhatsApp refuses longer texts


def wish_of(phone: OrganizationPhone) -> Wish:
    return Wish.objects.filter(phone=phone).first() or Wish(phone=phone)


def link(
    phone: OrganizationPhone, user: Person | None = None, *, confirmed: bool = False
) -> Pairing:
    """Start a pairing, or join the one that is active.

    `confirmed`: after WhatsApp refused the account (403, 406), the person says that it
    works. Raises VerbRefused with the reason.
    """
    with transaction.atomic():
        active = Pairing.objects.active().filter(phone=phone).first()
        if active is not None:
            return active
        _refuse_link(phone, confirmed=confirmed)
        try:
            with transaction.atomic():
                pairing = Pairing.objects.create(
                    phone=phone,
                    requested_by_id=user.pk if user is not None else None,
                    expires_at=timezone.now() + settings.WHATSAPP_LINK_CLAIM,
                )
        except IntegrityError:
            # Another click was first: its pairing is the one.
            return Pairing.objects.active().get(phone=phone)
        Wish.objects.want(phone, user, desired=Wish.Desired.RUN)
        leave_trace("link", phone, user, pairing=pairing.pk)
    return pairing


def _refuse_link(phone: OrganizationPhone, *, confirmed: bool) -> None:
    facts = facts_of(phone)
    if facts.linked:
        raise VerbRefused(
            _("This phone is linked already; unlink it or clear its keys first.")
        )
    if runs_elsewhere(phone):
        raise VerbRefused(_("This number is run elsewhere in this portal."))
    if facts.link_needs_confirmation and not confirmed:
        raise VerbRefused(
            _(
                "WhatsApp refused this account. Open WhatsApp on the phone, check that "
                "it works, then confirm."
            )
        )
    shut = facts.link_shut_until
    if shut is not None and shut > timezone.now():
        raise VerbRefused(
            _("WhatsApp rejected the device right after linking; try after %(time)s.")
            % {"time": timezone.localtime(shut).strftime("%H:%M")}
        )


def start(phone: OrganizationPhone, user: Person | None = None) -> None:
    """Run the session; also ends a hold. Raises VerbRefused without keys of its own."""
    _refuse_given_back(phone)
    if runs_elsewhere(phone):
        raise VerbRefused(_("This number is run elsewhere in this portal."))
    if not facts_of(phone).linked and phone.status in (Status.NEW, Status.LOGGED_OUT):
        raise VerbRefused(_("This phone is not linked: press Link and scan the code."))
    with transaction.atomic():
        Wish.objects.want(phone, user, desired=Wish.Desired.RUN)
        leave_trace("start", phone, user)


def _refuse_given_back(phone: OrganizationPhone) -> None:
    """Two programs on one device's keys lose its chats' keys."""
    facts = facts_of(phone)
    if facts.linked and facts.cause == EXPORTED:
        raise VerbRefused(
            _("It was given back to Baileys: import it again to run it here.")
        )


def stop(phone: OrganizationPhone, user: Person | None = None) -> None:
    """End the session and keep its keys; it starts again by Start only."""
    with transaction.atomic():
        Wish.objects.want(phone, user, desired=Wish.Desired.STOP)
        leave_trace("stop", phone, user)


def hold(phone: OrganizationPhone, user: Person | None = None) -> None:
    """Like stop, but marked: something about this phone needs a person."""
    with transaction.atomic():
        Wish.objects.want(phone, user, desired=Wish.Desired.STOP, held=True)
        leave_trace("hold", phone, user)


def restart(phone: OrganizationPhone, user: Person | None = None) -> PhoneRequest:
    """End the session process and start a new one now; no scan is needed."""
    _refuse_given_back(phone)
    if not facts_of(phone).linked:
        raise VerbRefused(_("This phone is not linked: press Link and scan the code."))
    with transaction.atomic():
        Wish.objects.want(phone, user, desired=Wish.Desired.RUN)
        return ask("restart", PhoneRequest.Kind.RESTART, phone, user)


def unlink(phone: OrganizationPhone, user: Person | None = None) -> PhoneRequest:
    """Log out: WhatsApp forgets the device, the keys go to the quarantine."""
    if not facts_of(phone).linked:
        raise VerbRefused(_("This phone is not linked."))
    return ask("unlink", PhoneRequest.Kind.UNLINK, phone, user)


def send(
    phone: OrganizationPhone, *, to: str, text: str, user: Person | None = None
) -> PhoneRequest:
    """One text to a number or a user JID. Raises VerbRefused when it cannot be sent."""
    if not text.strip():
        raise VerbRefused(_("The text is empty."))
    if len(text) > MAX_TEXT:
        raise VerbRefused(_("The text is longer than %d characters.") % MAX_TEXT)
    if phone.status not in (Status.CONNECTED, Status.UNPROVEN):
        raise VerbRefused(
            _("The phone is not connected (%(status)s).")
            % {"status": phone.get_status_display()}
        )
    warnings = facts_of(phone).warnings
    if paused := in_force(warnings, "sending_paused", now=timezone.now()):
        raise VerbRefused(sentence("sending_paused", paused))
    return ask(
        "send", PhoneRequest.Kind.SEND, phone, user, payload={"to": to, "text": text}
    )


def move(phone: OrganizationPhone, host: Host, user: Person | None = None) -> None:
    """Hand the phone over to `host`; it is away for about a second.

    Only `host` takes it for WHATSAPP_MOVE_PATIENCE, then any server.
    """
    if reason := why_not_move(phone, host):
        raise VerbRefused(reason)
    with transaction.atomic():
        Wish.objects.send_to(host.pk, phone.pk)
        leave_trace("move", phone, user, server=host.name)
        publish(Change.Kind.WISH, EVERY_HOST)


def drain(host: Host, user: Person | None = None, *, on: bool = True) -> None:
    """Give all phones of `host` to the others; it takes none until on=False.

    A drained server stays drained when it is restarted.
    """
    with transaction.atomic():
        if on and (reason := why_not_drain(host)):
            raise VerbRefused(reason)
        changed = Host.objects.filter(pk=host.pk, draining=not on).update(draining=on)
        if not changed:
            sentence = _("It is drained already.") if on else _("It is not drained.")
            raise VerbRefused(sentence)
        _leave_server_trace("drain" if on else "end_drain", host, user)


def forget(host: Host, user: Person | None = None) -> None:
    """Remove a server that is gone from the list."""
    with transaction.atomic():
        if reason := why_not_forget(host):
            raise VerbRefused(reason)
        _leave_server_trace("forget_server", host, user)
        Host.objects.filter(pk=host.pk).delete()


def _leave_server_trace(verb: str, host: Host, user: Person | None) -> None:
    detail = {"server": host.name}
    AuditEntry.objects.record(verb=verb, phone=None, user=user, detail=detail)
    publish(Change.Kind.WISH, EVERY_HOST)
