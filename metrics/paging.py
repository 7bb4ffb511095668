"""Pages of tables that are too long to be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

MOST_ROWS = 10_000


class BoundedPaginator(_Paginator):
    """Counts no further than MOST_ROWS: older rows are reached by a filter.

    A full count of a million rows, and an OFFSET deep into them, cost more than the
    page itself.
    """

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return int(rows.order_by()[:MOST_ROWS].count())
        return len(rows)
