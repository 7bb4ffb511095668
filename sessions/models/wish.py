"""What people want: the desired state, and requests that are done once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone
from sessions.models.clock import ClockNow, clock_plus
from sessions.models.host import Host

if TYPE_CHECKING:
    from phones.models.organization import Person

# Phone id of a wake-up after which every host looks at once.
EVERY_HOST = 0


class WishQuerySet(models.QuerySet["Wish"]):
    def want(
        self,
        phone: OrganizationPhone,
        user: Person | None,
        *,
        desired: Wish.Desired,
        held: bool = False,
    ) -> int:
        """Write what is wanted from now on; its generation."""
        self.get_or_create(phone=phone)
        wish = self.filter(phone=phone)
        wish.update(
            desired=desired,
            held=held,
            generation=F("generation") + 1,
            changed_at=timezone.now(),
            changed_by_id=user.pk if user is not None else None,
        )
        return wish.values_list("generation", flat=True).get()

    def under_way(self) -> Self:
        """Moves that have not arrived, and whose target can still take the phone."""
        return self.filter(
            move_to__in=Host.objects.taking(), move_until__gt=ClockNow()
        ).exclude(phone__lease__host=F("move_to"))

    def send_to(self, host_id: uuid.UUID, *phone_ids: int) -> int:
        """Let only this host take the phones for a while, on the database's clock.

        Their generation stays: being moved ends no hold.
        """
        return self.filter(phone__in=phone_ids).update(
            move_to_id=host_id, move_until=clock_plus(settings.WHATSAPP_MOVE_PATIENCE)
        )

    def keep_under_way(self, *phone_ids: int) -> None:
        """Their turn has not come: the move does not run out before it."""
        self.filter(phone__in=phone_ids, move_until__gt=ClockNow()).update(
            move_until=clock_plus(settings.WHATSAPP_MOVE_PATIENCE)
        )


class Wish(models.Model):
    """The desired state of a phone; written by people's verbs (sessions.verbs) only.

    Every verb raises `generation`. A hold that the program set by itself names the
    generation it saw; a later Start therefore ends it, an older one cannot.
    """

    class Desired(models.TextChoices):
        RUN = "run", _("run")
        STOP = "stop", _("stop")

    phone = models.OneToOneField(
        OrganizationPhone,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="wish",
    )
    desired = models.CharField(
        max_length=10, choices=Desired.choices, default=Desired.STOP
    )
    # A person holds the phone: like stop, but shown as held.
    held = models.BooleanField(default=False)
    generation = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # Where a person, or the balance, wants it: only this host takes it until then.
    move_to = models.ForeignKey(
        Host, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    move_until = models.DateTimeField(null=True)

    objects = WishQuerySet.as_manager()

    class Meta:
        verbose_name = "wish"

    def __str__(self) -> str:
        return f"phone={self.phone_id} {self.desired} generation={self.generation}"


class PhoneRequestQuerySet(models.QuerySet["PhoneRequest"]):
    def open(self) -> Self:
        return self.filter(done_at=None)

    def claimable(self) -> Self:
        """Open, not expired, and not claimed: or claimed in an epoch that is gone, for
        what may be done twice."""
        orphaned = Q(kind__in=PhoneRequest.REPEATED, claimed_epoch__isnull=False) & ~Q(
            claimed_epoch=F("phone__lease__epoch")
        )
        return self.open().filter(
            Q(claimed_epoch=None) | orphaned, expires_at__gt=ClockNow()
        )


class PhoneRequest(models.Model):
    """What is done once, by the host that claims it.

    Closed in the transaction that writes the outcome. A send whose host is gone is not
    repeated: its outcome is unknown, and says so. A clear is: it always ends.
    """

    class Kind(models.TextChoices):
        RESTART = "restart", _("restart")
        UNLINK = "unlink", _("unlink")
        CLEAR = "clear", _("clear auth")
        SEND = "send", _("send")
        CHECK = "check", _("check auth records")
        PUT_BACK = "put_back", _("put keys back")

    class Result(models.TextChoices):
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    REPEATED = (Kind.CLEAR, Kind.PUT_BACK, Kind.CHECK)
    LIFETIMES = {
        Kind.RESTART: timedelta(seconds=60),
        Kind.UNLINK: timedelta(seconds=30),
        Kind.CLEAR: timedelta(minutes=10),
        Kind.SEND: timedelta(seconds=90),
        Kind.CHECK: timedelta(seconds=60),
        Kind.PUT_BACK: timedelta(seconds=60),
    }

    phone = models.ForeignKey(
        OrganizationPhone, on_delete=models.CASCADE, related_name="requests"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    # Arguments (send: to, text; clear: log_out; put_back: quarantine); emptied when
    # the request is closed.
    payload = models.JSONField(default=dict)
    claimed_epoch = models.BigIntegerField(null=True)
    claimed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=10, choices=Result.choices, blank=True)
    # One sentence or an id for the person who asked.
    answer = models.JSONField(default=dict)

    objects = PhoneRequestQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(
                fields=("phone",), condition=Q(done_at=None), name="open_requests"
            ),
        )
        verbose_name = "request"

    def __str__(self) -> str:
        return f"{self.kind} phone={self.phone_id} result={self.result or 'open'}"

    def claim(self, epoch: int) -> bool:
        """True for exactly one caller."""
        return (
            PhoneRequest.objects.claimable()
            .filter(pk=self.pk)
            .update(claimed_epoch=epoch, claimed_at=timezone.now())
            == 1
        )

    def close(self, result: PhoneRequest.Result, **answer: str) -> bool:
        """Write the outcome once; False when it was closed before."""
        return (
            PhoneRequest.objects.open()
            .filter(pk=self.pk)
            .update(result=result, answer=answer, done_at=timezone.now(), payload={})
            == 1
        )
