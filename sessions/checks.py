"""System checks of what sessions depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from phones.portal.sandbox_realm import refusal


@register(Tags.database)
def check_sandbox_database(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A sandbox belongs on a database and a directory of its own."""
    if databases and settings.SANDBOX and (reason := refusal()):
        return [Error(reason, id="phone_sessions.E001")]
    return []


@register(Tags.database)
def check_realm_and_keys(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The realm and AUTH_KEYS fit the database; a new one has no stamp yet."""
    # Imported late: the module needs the models, checks are registered before them.
    from sessions.auth.keys import check_stamp
    from sessions.models import Stamp

    if (
        not databases
        or Stamp._meta.db_table not in connection.introspection.table_names()
    ):
        return []
    try:
        if Stamp.objects.exists():
            check_stamp()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="phone_sessions.E002")]
    return []
