"""Which: the phones of an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from phones.models.organization import Organization, Role
from phones.numbers import bare_key, mask_number, parse_number, validate_number

if TYPE_CHECKING:
    from phones.models.organization import Person


class Status(models.TextChoices):
    """What a phone's session is; written by hosts only (docs/architecture.md)."""

    NEW = "new", _("new")
    PAIRING = "pairing", _("pairing")
    CONNECTING = "connecting", _("connecting")
    CONNECTED = "connected", _("connected")
    UNPROVEN = "unproven", _("unproven")
    DISCONNECTED = "disconnected", _("disconnected")
    WAITING = "waiting", _("waiting")
    HELD = "held", _("held")
    STOPPED = "stopped", _("stopped")
    LOGGED_OUT = "logged_out", _("logged out")


class OrganizationPhoneQuerySet(models.QuerySet["OrganizationPhone"]):
    def scoped(self, user: Person, least: Role = Role.VIEWER) -> Self:
        """Phones of organizations in which `user` has the role `least` or more."""
        if getattr(user, "is_superuser", False) and user.is_active:
            return self
        return self.filter(organization__in=Organization.objects.scoped(user, least))

    def named(self, text: str) -> OrganizationPhone:
        """The phone with this id or number, as commands take it.

        Raises ValidationError with a sentence when there is none or more than one.
        """
        if text.isascii() and text.isdigit() and len(text) < 7:
            found = list(self.filter(pk=int(text))[:1])
        else:
            found = list(self.filter(phone_number=parse_number(text))[:2])
        if not found:
            raise ValidationError(
                _("There is no phone “%(text)s”; `add_phone` adds one."),
                params={"text": text[:40]},
            )
        if len(found) > 1:
            raise ValidationError(
                _("“%(text)s” is registered more than once; give the phone's id."),
                params={"text": text[:40]},
            )
        return found[0]


class OrganizationPhone(models.Model):
    """A number whose linked device we keep connected.

    status, phone_jid, last_connected_at and qr_code are facts: only the host that
    holds the phone's lease writes them.
    """

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="phones",
        db_column="organizationId",
        verbose_name=_("organization"),
    )
    phone_number = models.CharField(
        _("number"),
        max_length=40,
        db_column="phoneNumber",
        validators=[validate_number],
        help_text=_("With the country code; spaces and dashes may stand in."),
    )
    phone_jid = models.CharField(
        _("JID"),
        max_length=80,
        db_column="phoneJid",
        null=True,
        blank=True,
        editable=False,
    )
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=Status.choices,
        default=Status.NEW,
        db_default=Status.NEW,
        editable=False,
    )
    last_connected_at = models.DateTimeField(
        _("last connected"),
        db_column="lastConnectedAt",
        null=True,
        blank=True,
        editable=False,
    )
    qr_code = models.TextField(
        db_column="qrCode", null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(
        _("created"),
        db_column="createdAt",
        default=timezone.now,
        db_default=Now(),
        editable=False,
    )
    updated_at = models.DateTimeField(
        _("updated"), db_column="updatedAt", null=True, auto_now=True
    )

    objects = OrganizationPhoneQuerySet.as_manager()

    class Meta:
        db_table = "OrganizationPhone"
        ordering = ("organization_id", "phone_number")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "phone_number"),
                name="one_row_per_number_in_an_organization",
                violation_error_message=_("This organization has this number already."),
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values), name="phone_status_known"
            ),
        )
        verbose_name = _("phone")
        verbose_name_plural = _("phones")

    def __str__(self) -> str:
        return f"+{self.phone_number}"

    def clean(self) -> None:
        try:
            self.phone_number = parse_number(self.phone_number)
        except ValidationError as error:
            raise ValidationError({"phone_number": error}) from error

    @property
    def masked(self) -> str:
        """The number as logs may show it."""
        return mask_number(self.phone_number)

    @property
    def auth_key(self) -> str:
        """Value of BaileysAuth.phoneJid for this phone."""
        return bare_key(self.phone_jid or self.phone_number)
