"""Questions that are asked again and again, of every phone or by every look.

Django takes ten times as long to find the words of such a question as the database to
answer it, so they are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

SOME_PHONE = -(2**62) - 3  # stands for the phone; none has this id


class KeptQuestion:
    """A SELECT whose SQL is worked out once, when it is first asked."""

    def __init__(self, ask: Callable[[], QuerySet[Any, Any]]) -> None:
        """ask: gives the question, about SOME_PHONE where it is about one."""
        self._ask = ask
        self._words: tuple[str, tuple[Any, ...]] | None = None

    def first(self, phone_id: int = SOME_PHONE) -> tuple[Any, ...] | None:
        """The first row, as the database's driver gives it; None without one."""
        if self._words is None:
            self._words = self._ask().query.sql_with_params()
        sql, params = self._words
        with connection.cursor() as cursor:
            cursor.execute(sql, [phone_id if p == SOME_PHONE else p for p in params])
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
