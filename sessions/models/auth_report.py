"""What the last check of a phone's auth records said."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone


class AuthReport(models.Model):
    """One row per phone, replaced by each check."""

    class Verdict(models.TextChoices):
        HEALTHY = "healthy", _("healthy")
        SUSPICIOUS = "suspicious", _("suspicious")
        BROKEN = "broken", _("broken")
        EMPTY = "empty", _("no keys")

    phone = models.OneToOneField(
        OrganizationPhone,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="auth_report",
    )
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict.choices)
    # [{"check": id, "severity": …, "values": {…}}], the worst first.
    findings = models.JSONField(default=list)
    # {category: {"rows": count, "bytes": sum}}
    counts = models.JSONField(default=dict)
    checked_at = models.DateTimeField(_("checked"), default=timezone.now)
    # Name of the host whose live file was checked; empty: the central copy was.
    host_name = models.CharField(_("server"), max_length=100, blank=True)
    auth_sequence = models.BigIntegerField(_("sequence"), default=0)
    # The highest prekey id that was ever seen: a lower one means rows of an old backup.
    highest_prekey = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("check of auth records")
        verbose_name_plural = _("checks of auth records")

    def __str__(self) -> str:
        return f"phone={self.phone_id} verdict={self.verdict}"
