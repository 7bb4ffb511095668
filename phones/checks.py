"""System checks that `migrate`, the portal and the hosts run before they start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from phones.startup import check_database


@register(Tags.database)
def check_whose_tables(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    try:
        if databases:
            check_database()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="phones.E001")]
    return []
