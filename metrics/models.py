"""What happened: one row per connect, disconnect, QR and error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone

if TYPE_CHECKING:
    from phones.models.organization import Person


class Event(models.TextChoices):
    CONNECTED = "connected", _("connected")
    DISCONNECTED = "disconnected", _("disconnected")
    QR_GENERATED = "qr_generated", _("QR generated")
    QR_EXPIRED = "qr_expired", _("QR expired")
    PAIRED = "paired", _("paired")
    LOGGED_OUT = "logged_out", _("logged out")
    CRASHED = "crashed", _("crashed")
    ERROR = "error", _("error")


class ConnectionMetricsQuerySet(models.QuerySet["ConnectionMetrics"]):
    def scoped(self, user: Person) -> Self:
        return self.filter(phone__in=OrganizationPhone.objects.scoped(user))


class ConnectionMetrics(models.Model):
    """The seed's table, and what a later diagnosis needs beside it."""

    phone = models.ForeignKey(
        OrganizationPhone,
        on_delete=models.CASCADE,
        related_name="metrics",
        db_column="organizationPhoneId",
        db_index=False,  # covered by (phone, timestamp)
        verbose_name=_("phone"),
    )
    event = models.CharField(_("event"), max_length=30, choices=Event.choices)
    error_code = models.IntegerField(_("code"), db_column="errorCode", null=True)
    error_message = models.TextField(_("message"), db_column="errorMessage", null=True)
    timestamp = models.DateTimeField(
        _("time"), default=timezone.now, db_default=Now(), db_index=True
    )
    cause = models.CharField(_("cause"), max_length=30, default="", db_default="")
    connected_seconds = models.FloatField(
        _("time since connect"), db_column="connectedSeconds", null=True
    )
    last_action = models.CharField(
        _("last action"),
        db_column="lastAction",
        max_length=100,
        default="",
        db_default="",
    )
    library_version = models.CharField(
        _("library"),
        db_column="libraryVersion",
        max_length=60,
        default="",
        db_default="",
    )
    host = models.CharField(_("server"), max_length=100, default="", db_default="")
    pairing = models.BigIntegerField(_("pairing"), null=True)
    evidence = models.JSONField(_("evidence"), null=True)

    objects = ConnectionMetricsQuerySet.as_manager()

    class Meta:
        db_table = "ConnectionMetrics"
        ordering = ("-timestamp", "-id")
        indexes = (
            models.Index(fields=("phone", "-timestamp"), name="metrics_of_phone"),
            models.Index(fields=("cause", "-timestamp"), name="metrics_of_cause"),
        )
        verbose_name = _("event")
        verbose_name_plural = _("history")

    def __str__(self) -> str:
        return f"{self.get_event_display()} {self.cause}".strip()
