from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SessionsConfig(AppConfig):
    """The label is for life: Django's own app is called `sessions` too."""

    name = "sessions"
    label = "phone_sessions"
    verbose_name = _("Connections")

    def ready(self) -> None:
        from sessions import checks  # noqa: F401
