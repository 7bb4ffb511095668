"""The database's clock: the only one that several hosts share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models
from django.db.models import Expression, Func, Value
from django.db.models.functions import Now

# Of some clock, or the database's when it is asked.
Moment = datetime | Expression


class ClockNow(Func):
    """The moment of evaluation, not of the transaction's start.

    A lease UPDATE may wait for a row lock; PostgreSQL's now() would then still be the
    moment before the wait.
    """

    template = "CLOCK_TIMESTAMP()"
    output_field = models.DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return Now().as_sqlite(compiler, connection, **extra)


def clock_plus(duration: timedelta) -> Expression:
    """The database's clock plus `duration`, as an expression."""
    if connection.vendor == "sqlite":
        # Django's duration arithmetic on SQLite is a Python function per row; the
        # lease of the single host does not depend on this value.
        return Func(
            Value("%Y-%m-%d %H:%M:%f"),
            Value("now"),
            Value(f"{duration.total_seconds():+.3f} seconds"),
            function="STRFTIME",
            output_field=models.DateTimeField(),
        )
    return models.ExpressionWrapper(
        ClockNow() + Value(duration, models.DurationField()),
        output_field=models.DateTimeField(),
    )
