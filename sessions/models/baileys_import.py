"""Auth records of a Baileys server, uploaded to be taken over."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import Organization, OrganizationPhone


class BaileysImportQuerySet(models.QuerySet["BaileysImport"]):
    def purge(self, now: datetime) -> int:
        """Delete the keys of expired uploads, and later those; how many phones' keys.

        An upload outlives its keys by WHATSAPP_QUARANTINE, to tell what became of it.
        """
        expired = self.filter(expires_at__lte=now)
        phones = BaileysImportPhone.objects.filter(of__in=expired).exclude(rows="")
        emptied = phones.update(rows="")
        self.filter(expires_at__lte=now - settings.WHATSAPP_QUARANTINE).delete()
        return emptied


class BaileysImport(models.Model):
    """One upload; its phones wait for a person's choice until `expires_at`."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("organization"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    # Name and size of the uploaded file, as the page shows them. The size is written
    # last: 0 until every phone of the file has its row.
    file_name = models.CharField(_("file"), max_length=200)
    file_size = models.BigIntegerField(_("size"), default=0)

    objects = BaileysImportQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("import from Baileys")
        verbose_name_plural = _("imports from Baileys")

    def __str__(self) -> str:
        return f"import={self.pk} organization={self.organization_id}"


class BaileysImportPhone(models.Model):
    """One phone of an upload: its verdict, its rows, and what became of it."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("not taken over yet")
        CHOSEN = "chosen", _("being taken over")
        IMPORTED = "imported", _("taken over")
        REFUSED = "refused", _("scan needed")

    of = models.ForeignKey(
        BaileysImport, on_delete=models.CASCADE, related_name="phones"
    )
    phone_number = models.CharField(_("number"), max_length=20)
    # A sessions.policy.auth_findings.Verdict; empty until the rows are checked.
    verdict = models.CharField(_("verdict"), max_length=12, blank=True)
    # [{"check": id, "severity": …, "values": {…}}]
    findings = models.JSONField(default=list)
    # {"carried": {category: count}, "lost": {id: count}, "missing_lids": count,
    # "source": the file's name of the organization, "newest": ISO time of its last row}
    summary = models.JSONField(default=dict)
    # One Fernet token of the uploaded rows; empty once it is taken over or expired.
    rows = models.TextField(blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.WAITING
    )
    # Why it was refused, one sentence.
    reason = models.TextField(blank=True)
    phone = models.ForeignKey(
        OrganizationPhone, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("of", "phone_number"), name="one_row_per_uploaded_phone"
            ),
        )
        verbose_name = _("uploaded phone")
        verbose_name_plural = _("uploaded phones")

    def __str__(self) -> str:
        return f"import={self.of_id} outcome={self.outcome}"
