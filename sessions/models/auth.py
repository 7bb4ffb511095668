"""The durable copy of a linked device's keys."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone


class BaileysAuthQuerySet(models.QuerySet["BaileysAuth"]):
    def of(self, phone: OrganizationPhone) -> Self:
        """Rows of one phone: its organization and bare key."""
        return self.filter(
            organization_id=phone.organization_id, phone_jid=phone.auth_key
        )


class BaileysAuth(models.Model):
    """One encrypted row of a phone's store file (the seed's table and columns).

    `key` follows Baileys' categories (creds, pre-key-N, session-…), `value` is a Fernet
    token of the row as whatsmeow wrote it.
    """

    # The seed's table has no relation here: a plain column, as there.
    organization_id = models.BigIntegerField(db_column="organizationId")
    phone_jid = models.CharField(max_length=80, db_column="phoneJid")
    key = models.CharField(max_length=255)
    value = models.TextField()
    created_at = models.DateTimeField(
        db_column="createdAt", default=timezone.now, db_default=Now()
    )
    updated_at = models.DateTimeField(
        db_column="updatedAt", default=timezone.now, db_default=Now()
    )

    objects = BaileysAuthQuerySet.as_manager()

    class Meta:
        db_table = "BaileysAuth"
        constraints = (
            models.UniqueConstraint(
                fields=("organization_id", "phone_jid", "key"),
                name="one_auth_row_per_key",
            ),
        )
        verbose_name = _("auth row")
        verbose_name_plural = _("auth rows")

    def __str__(self) -> str:
        return f"organization={self.organization_id} key={self.key.split('-')[0]}"


class Quarantine(models.Model):
    """Keys that were wiped, kept encrypted for a while; who, when and why."""

    organization_id = models.BigIntegerField()
    phone = models.ForeignKey(
        OrganizationPhone,
        on_delete=models.SET_NULL,
        null=True,
        related_name="quarantines",
    )
    phone_jid = models.CharField(max_length=80)
    reason = models.CharField(max_length=40)  # id of the cause, or the verb
    logged_out = models.BooleanField()  # True: dead for WhatsApp, never put back
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)
    purge_at = models.DateTimeField(db_index=True)
    auth_sequence = models.BigIntegerField(default=0)
    row_count = models.PositiveIntegerField(default=0)
    # One Fernet token of all rows (JSON of key → value token).
    rows = models.TextField()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("quarantined keys")
        verbose_name_plural = _("quarantined keys")

    def __str__(self) -> str:
        return f"{_('Keys in the quarantine')} {self.pk}"


class Stamp(models.Model):
    """One row: which realm this database belongs to, and a check of AUTH_KEYS."""

    realm = models.CharField(max_length=20)
    key_check = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "stamp"

    def __str__(self) -> str:
        return self.realm
