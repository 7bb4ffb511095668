"""Ids of rows as people, pages and forgers send them."""

from __future__ import annotations

import re
from collections.abc import Iterable

# SQLite raises OverflowError for more than 64 bits.
ROW_ID = re.compile(r"[0-9]{1,18}")


def row_ids(texts: Iterable[str]) -> list[int]:
    """Those of `texts` that can be the id of a row."""
    return [int(text) for text in texts if ROW_ID.fullmatch(text)]
