"""Linking a phone: one row per attempt, one active attempt per phone."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone
from sessions.models.clock import Moment


class PairingState(models.TextChoices):
    REQUESTED = "requested", _("waiting for a server")
    STARTING = "starting", _("starting")
    QR = "qr", _("waiting for the scan")
    LINKING = "linking", _("linking")
    PAIRED = "paired", _("linked")
    RESTARTING = "restarting", _("first login")
    ONLINE = "online", _("online")
    EXPIRED = "expired", _("expired")
    FAILED = "failed", _("failed")


ENDED = (PairingState.ONLINE, PairingState.EXPIRED, PairingState.FAILED)
ACTIVE = tuple(state for state in PairingState if state not in ENDED)


class PairingQuerySet(models.QuerySet["Pairing"]):
    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def unclaimed(self) -> Self:
        return self.filter(state=PairingState.REQUESTED)

    def end_unclaimed(self, now: Moment) -> int:
        """A Link nobody claimed in time ends as no_host; anybody may say so."""
        return (
            self.unclaimed()
            .filter(expires_at__lte=now)
            .update(state=PairingState.FAILED, cause="no_host", ended_at=now)
        )


class Pairing(models.Model):
    """requested → starting → qr → linking → paired → restarting → online,

    or expired (408) or failed (cause). Its QR text is in OrganizationPhone.qr_code
    while valid, nowhere else. Written by the host with the phone's lease; only
    `requested` rows are written (created, ended as no_host) by others.
    """

    phone = models.ForeignKey(
        OrganizationPhone, on_delete=models.CASCADE, related_name="pairings"
    )
    state = models.CharField(
        max_length=20, choices=PairingState.choices, default=PairingState.REQUESTED
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()  # a host must have claimed it by then
    claimed_epoch = models.BigIntegerField(null=True)
    host_name = models.CharField(max_length=100, blank=True)
    started_at = models.DateTimeField(null=True)
    code_number = models.PositiveSmallIntegerField(default=0)  # k of …
    code_count = models.PositiveSmallIntegerField(default=0)  # … of 6
    valid_until = models.DateTimeField(null=True)  # of the current code
    linked_number = models.CharField(max_length=40, blank=True)
    cause = models.CharField(max_length=30, blank=True)
    error_code = models.IntegerField(null=True)
    paired_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = PairingQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("phone",),
                condition=Q(
                    state__in=(
                        "requested",
                        "starting",
                        "qr",
                        "linking",
                        "paired",
                        "restarting",
                    )
                ),
                name="one_active_pairing_per_phone",
            ),
        )
        ordering = ("-id",)
        verbose_name = _("pairing")
        verbose_name_plural = _("pairings")

    def __str__(self) -> str:
        return f"pairing {self.pk} {self.state}"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE
