"""Questions that are asked for every phone again and again.

Django takes ten times as long to find the words of such a question as the database to
answer it, so they are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

SOME_PHONE = -(2**62) - 3  # no phone has this id


class KeptQuestion:
    """A SELECT about one phone whose SQL is worked out once."""

    def __init__(self, about: Callable[[int], QuerySet[Any, Any]]) -> None:
        """about: the question for a phone id; what else it says never changes."""
        self._about = about
        self._words: tuple[str, tuple[Any, ...]] | None = None

    def first(self, phone_id: int) -> tuple[Any, ...] | None:
        """The first row, as the database's driver gives it; None without one."""
        if self._words is None:
            self._words = self._about(SOME_PHONE).query.sql_with_params()
        sql, params = self._words
        with connection.cursor() as cursor:
            cursor.execute(sql, [phone_id if p == SOME_PHONE else p for p in params])
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
