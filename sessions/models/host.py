"""Servers that run `manage.py run_sessions`."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sessions.models.clock import ClockNow, clock_plus


class HostQuerySet(models.QuerySet["Host"]):
    def alive(self) -> Self:
        """Hosts whose heartbeat is not older than three renewals plus a margin."""
        age = 3 * settings.WHATSAPP_LEASE_RENEW + timedelta(seconds=1)
        return self.filter(stopped_at=None, beat_at__gt=clock_plus(-age))

    def taking(self) -> Self:
        """Living hosts that take phones: neither drained nor on their way out."""
        return self.alive().filter(draining=False, leaving=False)


class Host(models.Model):
    """One running `run_sessions`: a random id kept in its DATA_DIR, never its name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100)
    pid = models.IntegerField(_("process"), default=0)
    capacity = models.PositiveIntegerField(_("capacity"), default=0)
    library_version = models.CharField(_("library"), max_length=60, default="")
    started_at = models.DateTimeField(_("started"), null=True)
    beat_at = models.DateTimeField(_("last heartbeat"), null=True)
    stopped_at = models.DateTimeField(_("stopped"), null=True)
    # A person's wish: give the phones to the other hosts and take none.
    draining = models.BooleanField(_("draining"), default=False)
    # It was asked to stop (SIGTERM) and hands its phones over.
    leaving = models.BooleanField(_("stopping"), default=False)
    # Facts of the last heartbeat. load: of the machine, as the kernel gives it (1 min);
    # memory: KiB of all session processes.
    load = models.FloatField(_("load"), null=True)
    memory = models.BigIntegerField(_("memory"), null=True)
    software_version = models.CharField(_("version"), max_length=60, default="")

    objects = HostQuerySet.as_manager()

    class Meta:
        verbose_name = _("server")
        verbose_name_plural = _("servers")
        constraints = (
            models.UniqueConstraint(
                fields=("name",),
                condition=Q(stopped_at=None),
                name="one_running_host_per_name",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def beat(self) -> None:
        """The heartbeat, on the database's clock."""
        Host.objects.filter(pk=self.pk).update(beat_at=ClockNow(), stopped_at=None)
