"""The way out of one phone's connection, when it is not the server's own."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from phones.models import OrganizationPhone


class PhoneProxy(models.Model):
    """A proxy that this phone's session uses; without it the phone does not connect."""

    phone = models.OneToOneField(
        OrganizationPhone,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="proxy",
    )
    # Fernet token of the URL: it may hold a password.
    url_token = models.TextField()
    # scheme://host:port, as pages and logs may show it.
    shown = models.CharField(_("proxy"), max_length=200)

    class Meta:
        verbose_name = _("proxy")
        verbose_name_plural = _("proxies")

    def __str__(self) -> str:
        return self.shown
