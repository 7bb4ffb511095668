"""Who: organizations and the roles of people in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    Person = AbstractBaseUser | AnonymousUser


class Role(models.TextChoices):
    """What a member may do; each role includes the ones before it."""

    VIEWER = "viewer", _("Viewer: sees")
    OPERATOR = "operator", _("Operator: links, starts, stops, restarts")
    STEWARD = "steward", _("Steward: also clears, unlinks, changes settings")


ROLE_RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.STEWARD: 3}


def roles_from(least: Role) -> list[Role]:
    """All roles that include `least`."""
    return [role for role in Role if ROLE_RANK[role] >= ROLE_RANK[least]]


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def scoped(self, user: Person, least: Role = Role.VIEWER) -> OrganizationQuerySet:
        """Organizations in which `user` has the role `least` or more."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(
            pk__in=Membership.objects.filter(
                user_id=user.pk, role__in=roles_from(least)
            ).values("organization_id")
        )


class Organization(models.Model):
    """A customer: owns phones; its members see only what belongs to it."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    created_at = models.DateTimeField(
        _("created"),
        db_column="createdAt",
        default=timezone.now,
        db_default=Now(),
        editable=False,
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "Organization"
        ordering = ("name",)
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in an organization."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("organization"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("user"),
    )
    role = models.CharField(
        _("role"), max_length=20, choices=Role.choices, default=Role.OPERATOR
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "user"), name="one_role_per_member"
            ),
        )
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} · {self.get_role_display()}"
