"""Who owns a phone: the lease.

A host takes it by a conditional UPDATE that raises the epoch, renews all of its leases
in one UPDATE, and begins every transaction that writes facts with an UPDATE of the row
that names phone, host and epoch. The row lock is kept to the commit, so a host that
lost the phone can write nothing about it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q

from phones.live import publish
from phones.models import Change, OrganizationPhone
from sessions.models.clock import ClockNow, clock_plus
from sessions.models.host import Host


class LeaseLost(Exception):
    """This host no longer owns the phone; nothing was written."""


class HostForgotten(Exception):
    """A person removed the host's row while it was silent."""


class NumberRunsElsewhere(Exception):
    """The same number is run by another row of this portal."""


@dataclass(frozen=True)
class Fence:
    """Proof of ownership that every write of facts carries.

    renewed: called after the commit of such a write, in its thread, with the
    CLOCK_MONOTONIC seconds from which the lease counts anew.
    """

    phone_id: int
    host_id: uuid.UUID
    epoch: int
    renewed: Callable[[float], object] = field(
        default=lambda _: None, compare=False, repr=False
    )


@dataclass(frozen=True)
class Renewal:
    """held: {phone id: epoch}, a phone that is missing is lost and its session must
    end. renewed: those of them whose time was moved."""

    held: dict[int, int]
    renewed: set[int]


class PhoneLeaseQuerySet(models.QuerySet["PhoneLease"]):
    def takeable_by(self, host_id: uuid.UUID) -> Self:
        """Leases that are free, run out, or ours already.

        The single host holds an exclusive lock in the database and on disk, so for it
        every lease is takeable, whatever the clock says.
        """
        if settings.WHATSAPP_SINGLE_HOST:
            return self
        return self.filter(
            Q(host=None) | Q(host_id=host_id) | Q(expires_at__lte=ClockNow())
        )

    def current(self) -> Self:
        """Leases that are held and have not run out."""
        held = self.filter(host__isnull=False)
        if settings.WHATSAPP_SINGLE_HOST:
            return held
        return held.filter(expires_at__gt=ClockNow())

    def fenced(self, fence: Fence) -> Self:
        """The row of `fence` while it is still valid; empty otherwise."""
        return self.current().filter(
            phone_id=fence.phone_id, host_id=fence.host_id, epoch=fence.epoch
        )

    def seconds_to_expiry(self, *, besides: uuid.UUID) -> float | None:
        """Until the first lease of another host runs out; None when none will."""
        left = models.ExpressionWrapper(
            F("expires_at") - ClockNow(), output_field=models.DurationField()
        )
        others = self.current().exclude(host_id=besides).order_by("expires_at")
        first = others.values_list(left, flat=True).first()
        return None if first is None else max(first.total_seconds(), 0.0)

    def acquire(
        self, *, phone: OrganizationPhone, host_id: uuid.UUID, to_run: bool = True
    ) -> Fence | None:
        """Take the phone's lease; None when another host has it.

        Raises NumberRunsElsewhere when another phone row with this number is run.
        to_run: False takes it beside that row; no session may be started then.
        """
        self.get_or_create(phone=phone)
        try:
            with transaction.atomic():
                taken = (
                    self.filter(phone=phone)
                    .takeable_by(host_id)
                    .update(
                        host_id=host_id,
                        epoch=F("epoch") + 1,
                        number=phone.phone_number if to_run else None,
                        expires_at=clock_plus(settings.WHATSAPP_LEASE_TTL),
                        taken_at=ClockNow(),
                    )
                )
                if taken != 1:
                    return None
                epoch = self.values_list("epoch", flat=True).get(phone=phone)
        except IntegrityError as error:
            raise NumberRunsElsewhere from error
        return Fence(phone_id=phone.pk, host_id=host_id, epoch=epoch)

    def renew(
        self, *, host_id: uuid.UUID, vitals: Mapping[str, float | int] | None = None
    ) -> Renewal:
        """Renew the valid leases of this host in one UPDATE.

        A row that another transaction of this host is writing is left out: waiting for
        one phone's copy of keys could let all leases run out, and that write renews
        it. vitals: columns of the host that go with the heartbeat. Raises
        HostForgotten when a person has removed the host.
        """
        with transaction.atomic():
            ours = self.current().filter(host_id=host_id)
            free = ours.select_for_update(
                skip_locked=connection.features.has_select_for_update_skip_locked
            )
            renewed = set(free.values_list("phone_id", flat=True))
            self.filter(pk__in=renewed).update(
                expires_at=clock_plus(settings.WHATSAPP_LEASE_TTL)
            )
            host = Host.objects.filter(pk=host_id)
            if not host.update(beat_at=ClockNow(), **(vitals or {})):
                raise HostForgotten(f"host={host_id}")
            return Renewal(dict(ours.values_list("phone_id", "epoch")), renewed)

    def release(self, fence: Fence) -> bool:
        """Give the phone back; False when it was not ours any more.

        The wake-up lets the other hosts look for phones at once.
        """
        with transaction.atomic():
            released = self.filter(
                phone_id=fence.phone_id, host_id=fence.host_id, epoch=fence.epoch
            ).update(host=None, number=None, expires_at=None, session_pid=None)
            if released:
                publish(Change.Kind.WISH, fence.phone_id)
        return bool(released)


class PhoneLease(models.Model):
    """One row per phone; only the host named in it may run the phone's session."""

    phone = models.OneToOneField(
        OrganizationPhone,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="lease",
    )
    host = models.ForeignKey(
        Host, on_delete=models.SET_NULL, null=True, related_name="leases"
    )
    epoch = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    # Set while the lease is held: one running row per number across organizations.
    number = models.CharField(max_length=40, null=True, unique=True)
    # Which epoch's store file, and which entry of its change log, BaileysAuth holds.
    auth_epoch = models.BigIntegerField(default=0)
    auth_sequence = models.BigIntegerField(default=0)
    # The session process, for a restarted host to kill before it reclaims the phone.
    session_pid = models.IntegerField(null=True)
    session_start_time = models.BigIntegerField(null=True)

    objects = PhoneLeaseQuerySet.as_manager()

    class Meta:
        verbose_name = "phone lease"

    def __str__(self) -> str:
        return f"phone={self.phone_id} epoch={self.epoch}"


@contextmanager
def fenced_write(
    fence: Fence, before: Callable[[], object] | None = None, **columns: Any
) -> Iterator[None]:
    """A transaction that writes facts of one phone, and renews its lease.

    It begins with an UPDATE of the lease row, whose lock is kept to the commit: a pause
    between the check and the commit cannot let another host in. `columns`: what else
    is written to that row. `before`: a long write, such as a copy of keys, made ahead
    of that UPDATE and undone with it, because a renewal leaves out a row that is
    locked; a session died of that with nobody else after its lease.
    Raises LeaseLost (and writes nothing) when the lease is no longer ours.
    """
    columns["expires_at"] = clock_plus(settings.WHATSAPP_LEASE_TTL)
    with transaction.atomic():
        if before is not None:
            before()
        sent_at = time.monotonic()
        touched = PhoneLease.objects.fenced(fence).update(**columns)
        if touched != 1:
            raise LeaseLost(f"phone={fence.phone_id} epoch={fence.epoch}")
        transaction.on_commit(lambda: fence.renewed(sent_at))
        yield
