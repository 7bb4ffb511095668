"""Who did what to which phone, or to which server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models.organization import Organization
from phones.models.phone import OrganizationPhone

if TYPE_CHECKING:
    from phones.models.organization import Person

COMMAND_LINE = "command line"


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def scoped(self, user: Person) -> Self:
        """Of the user's organizations; what was done to servers is superusers'."""
        if user.is_active and getattr(user, "is_superuser", False):
            return self.all()
        return self.filter(organization__in=Organization.objects.scoped(user))

    def record(
        self,
        *,
        verb: str,
        phone: OrganizationPhone | None,
        user: Person | None,
        detail: dict[str, Any] | None = None,
    ) -> AuditEntry:
        """One row for a verb; `user` None means the command line or the program.

        `phone` None: it was done to a server, which `detail` names.
        """
        return self.create(
            verb=verb,
            phone=phone,
            organization_id=phone.organization_id if phone is not None else None,
            number=phone.phone_number if phone is not None else "",
            user_id=user.pk if user is not None else None,
            actor=user.get_username() if user is not None else COMMAND_LINE,
            detail=detail or {},
        )


class AuditEntry(models.Model):
    """An act of a person; survives the phone and the user it names."""

    at = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    verb = models.CharField(_("verb"), max_length=40)
    actor = models.CharField(_("who"), max_length=150)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("user"),
    )
    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("organization"),
    )
    phone = models.ForeignKey(
        OrganizationPhone,
        on_delete=models.SET_NULL,
        null=True,
        related_name="audit",
        verbose_name=_("phone"),
    )
    number = models.CharField(_("number"), max_length=40, blank=True)
    detail = models.JSONField(_("detail"), default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit")

    def __str__(self) -> str:
        subject = f"+{self.number}" if self.number else self.detail.get("server", "")
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.verb} {subject}"
