"""The outbox of wake-ups: which phone has something new."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Change(models.Model):
    """Ids only: what changed is read from the phone's own rows.

    A NOTIFY can be lost while a listener reconnects, so listeners catch up from here.
    """

    class Kind(models.TextChoices):
        WISH = "wish"  # the web or a command wants something: hosts listen
        FACT = "fact"  # a host wrote something: open pages listen

    kind = models.CharField(max_length=10, choices=Kind.choices)
    phone_id = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "change"

    def __str__(self) -> str:
        return f"{self.kind} {self.phone_id}"
