"""What somebody must be told: the outbox of WHATSAPP_ALERT_URL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import Organization, OrganizationPhone
from sessions.models.host import Host
from sessions.models.incident import Incident

# A sender that took an alert and did not come back is given up after this.
TAKEN_FOR = timedelta(seconds=60)


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> Self:
        """Raised and not over yet."""
        return self.filter(over_at=None)

    def due(self, now: datetime) -> Self:
        """Something about them has to be told now."""
        return (
            self.filter(next_try_at__lte=now)
            .select_related("organization", "phone", "host", "incident")
            .order_by("id")
        )

    def untold(self) -> Self:
        """Their beginning or their end has still to be told."""
        return self.exclude(next_try_at=None)

    def note_told(
        self, alert_ids: Collection[int], now: datetime, is_over: bool
    ) -> None:
        """It arrived. What ended while its beginning was told is due again."""
        calm = {"tries": 0, "last_error": ""}
        if is_over:
            self.filter(pk__in=alert_ids).update(
                told_over_at=now, next_try_at=None, **calm
            )
            return
        self.filter(pk__in=alert_ids, told_at=None).update(
            told_at=now,
            next_try_at=Case(When(over_at=None, then=None), default=Value(now)),
            **calm,
        )


class Alert(models.Model):
    """One trouble, told once when it begins and once when it is over.

    `subject` names it ("phone:5", "host:…", "incident:7"); one alert of a kind is open
    per subject. Senders take it by a conditional UPDATE of `next_try_at`.
    """

    class Kind(models.TextChoices):
        HELD = "held", _("held until a person acts")
        LOGGED_OUT = "logged_out", _("needs a new scan")
        SLOW_LANE = "slow_lane", _("all attempts are spent")
        BANNED = "banned", _("temporarily banned")
        DOWN = "down", _("not connected for minutes")
        WARNING = "warning", _("will be lost if nobody acts")
        INCIDENT = "incident", _("many phones fail alike")
        HOST_SILENT = "host_silent", _("a server is silent")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    subject = models.CharField(max_length=80)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, related_name="+"
    )
    phone = models.ForeignKey(
        OrganizationPhone, on_delete=models.CASCADE, null=True, related_name="alerts"
    )
    host = models.ForeignKey(Host, on_delete=models.CASCADE, null=True)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, null=True)
    # Of the catalogue, with the values of its sentence.
    cause = models.CharField(_("cause"), max_length=30, blank=True)
    values = models.JSONField(default=dict)
    raised_at = models.DateTimeField(_("since"), default=timezone.now)
    over_at = models.DateTimeField(_("over"), null=True)
    # Delivery: first of the alert, then of its end.
    told_at = models.DateTimeField(_("told"), null=True)
    told_over_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True, default=timezone.now, db_index=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "subject"),
                condition=Q(over_at=None),
                name="one_open_alert_of_a_kind",
            ),
        )
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")

    def __str__(self) -> str:
        return f"alert {self.pk} {self.kind} {self.subject}"

    def take(self, now: datetime) -> bool:
        """True for the one process that may tell of it now."""
        until = now + TAKEN_FOR
        taken = Alert.objects.filter(pk=self.pk, next_try_at=self.next_try_at).update(
            next_try_at=until, tries=F("tries") + 1
        )
        if taken:
            self.next_try_at = until
            self.tries += 1
        return taken == 1

    def note_failure(self, reason: str, next_try_at: datetime | None) -> None:
        """It did not arrive; nothing to do when it has ended meanwhile."""
        Alert.objects.filter(pk=self.pk, next_try_at=self.next_try_at).update(
            next_try_at=next_try_at, last_error=reason[:200]
        )
