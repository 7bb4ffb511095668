"""WebSockets of the live pages. They only watch: nothing here writes a wish."""

from __future__ import annotations

from phones.consumers.sockets import (
    BoardConsumer,
    NobodyConsumer,
    PhoneConsumer,
    RowsConsumer,
    StageConsumer,
)

__all__ = [
    "BoardConsumer",
    "NobodyConsumer",
    "PhoneConsumer",
    "RowsConsumer",
    "StageConsumer",
]
