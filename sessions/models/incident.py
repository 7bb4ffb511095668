"""Many phones that fail alike: one incident, not many failures."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import IntegrityError, models, transaction
from django.db.models import ExpressionWrapper, F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone, Status
from sessions.models.clock import ClockNow, clock_plus
from sessions.models.host import Host
from sessions.policy.incidents import FAMILIES, WAITING

# A phone in one of these is not failing, whatever its cause was.
UP = (Status.CONNECTED, Status.UNPROVEN)


class IncidentQuerySet(models.QuerySet["Incident"]):
    def active(self) -> Self:
        return self.filter(ended_at=None)

    def in_scope(self, host_id: uuid.UUID) -> Self:
        """Of this host or of the whole fleet."""
        return self.filter(Q(host=None) | Q(host_id=host_id))

    def with_due(self, courtesy: timedelta) -> Self:
        """With `due` and `long_due`: whether the next attempt is, on the database's
        clock, and for longer than `courtesy`."""
        boolean = models.BooleanField()
        return self.annotate(
            due=ExpressionWrapper(Q(next_probe_at__lte=ClockNow()), boolean),
            long_due=ExpressionWrapper(
                Q(next_probe_at__lte=clock_plus(-courtesy)), boolean
            ),
        )

    def open(
        self,
        kind: str,
        *,
        host_id: uuid.UUID | None,
        cause: str,
        message: str,
        phone_count: int,
        pause: timedelta | None,
    ) -> bool:
        """True for exactly one of those who see it at the same time.

        host_id: None for the fleet, whose incident swallows those of its hosts. pause:
        until the first canary; None when nobody is to try.
        """
        if self.active().filter(kind=kind, host=None).exists():
            return False
        try:
            with transaction.atomic():
                self.create(
                    kind=kind,
                    host_id=host_id,
                    cause=cause,
                    message=message,
                    phone_count=phone_count,
                    next_probe_at=None if pause is None else clock_plus(pause),
                )
                if host_id is None:
                    self.swallowed().filter(kind=kind).update(ended_at=timezone.now())
        except IntegrityError:
            return False
        return True

    def swallowed(self) -> Self:
        """Active ones of hosts, beside one of the fleet of the same kind."""
        of_fleet = Incident.objects.active().filter(host=None).values("kind")
        return self.active().filter(host__isnull=False, kind__in=of_fleet)

    def end(self, *, now: datetime) -> int:
        """How many of these this caller has ended."""
        return self.active().update(ended_at=now)

    def claim_probe(self, incident_id: int, canary_id: int, pause: timedelta) -> bool:
        """True for the one host whose phone may try now, on the database's clock."""
        due = self.active().filter(pk=incident_id, next_probe_at__lte=ClockNow())
        claimed = due.update(
            next_probe_at=clock_plus(pause), canary_id=canary_id, probes=F("probes") + 1
        )
        return claimed == 1

    def grown(self, incident_id: int, phone_count: int) -> None:
        """It has hit this many phones by now; never counted down."""
        smaller = self.active().filter(pk=incident_id, phone_count__lt=phone_count)
        smaller.update(phone_count=phone_count)


class Incident(models.Model):
    """One fault of a host's or the whole fleet's phones, from first sign to end.

    While it holds, the phones it hit wait (SessionFacts.incident) and spend no
    attempts; one of them at a time, the canary, tries. Any host may write it, always by
    a conditional UPDATE.
    """

    class Kind(models.TextChoices):
        UNREACHABLE = "unreachable", _("WhatsApp cannot be reached")
        OVERLOADED = "overloaded", _("WhatsApp is overloaded")
        OUTDATED = "outdated", _("WhatsApp refuses this version")
        REFUSED = "refused", _("WhatsApp refuses the connections")
        LOGGED_OUT = "logged_out", _("many devices were logged out")
        BANNED = "banned", _("many numbers are banned")
        REPLACED = "replaced", _("another program uses the same sessions")
        CRASHED = "crashed", _("session processes crash")
        DATABASE = "database", _("the database was away")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    # None: of the whole fleet.
    host = models.ForeignKey(
        Host, on_delete=models.CASCADE, null=True, related_name="incidents"
    )
    cause = models.CharField(_("cause"), max_length=30)
    message = models.CharField(_("message"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    last_at = models.DateTimeField(_("last failure"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True)
    phone_count = models.PositiveIntegerField(_("phones"), default=0)
    probes = models.PositiveIntegerField(_("attempts of single phones"), default=0)
    canary = models.ForeignKey(
        OrganizationPhone, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    next_probe_at = models.DateTimeField(_("next attempt"), null=True)

    objects = IncidentQuerySet.as_manager()

    # Of `with_due`.
    due: bool
    long_due: bool

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "host"),
                condition=Q(ended_at=None),
                name="one_active_incident_of_a_host",
            ),
            models.UniqueConstraint(
                fields=("kind",),
                condition=Q(ended_at=None, host=None),
                name="one_active_incident_of_the_fleet",
            ),
        )
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")

    def __str__(self) -> str:
        return f"incident {self.pk} {self.kind}"

    @property
    def waits(self) -> bool:
        """Its phones stand still until a canary succeeds; the other kinds are told."""
        return self.kind in WAITING

    def phones(self) -> models.QuerySet[OrganizationPhone]:
        """Those in it at this moment: they wait for its end, or fail of its causes."""
        failing = failing_phones(self.kind, self.started_at - MARGIN)
        if self.host_id is not None:
            failing = failing.filter(lease__host_id=self.host_id)
        waiting = Q(facts__incident=self.pk, facts__rule="incident")
        return OrganizationPhone.objects.filter(
            waiting | Q(pk__in=failing.values("pk"))
        ).exclude(status__in=UP)


# What fails first is written before the incident is.
MARGIN = timedelta(seconds=60)


def failing_phones(kind: str, since: datetime) -> models.QuerySet[OrganizationPhone]:
    """Phones that went down after `since` of a cause of this kind and still are."""
    return OrganizationPhone.objects.filter(
        facts__cause__in=FAMILIES[kind], facts__since__gte=since
    ).exclude(status__in=UP)
