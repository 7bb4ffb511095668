"""How many phones each host should have, and who gives one to whom.

A share is proportional to the capacity of a host. Each move that `receiver_for` names
makes the sum of phones² / capacity smaller, so any distribution settles and stops.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

WORTH_IT = 10  # a difference below this part of the giver's filling is left alone


@dataclass(frozen=True)
class Load:
    """A living host that takes phones."""

    host: uuid.UUID
    phones: int
    capacity: int

    @property
    def room(self) -> int:
        return max(self.capacity - self.phones, 0)


def may_take(host: uuid.UUID, loads: Sequence[Load], free: int) -> int:
    """How many of `free` phones this host takes before others had their chance.

    As many as its share lacks. Without an answer about itself (its row is new, or it
    has no room) none.
    """
    own = next((load for load in loads if load.host == host), None)
    if own is None:
        return 0
    total = free + sum(load.phones for load in loads)
    capacity = sum(load.capacity for load in loads)
    share = -(-total * own.capacity // max(capacity, 1))  # rounded up
    return max(0, min(share - own.phones, own.room))


def receiver_for(giver: uuid.UUID, loads: Sequence[Load]) -> uuid.UUID | None:
    """The host that should get a phone of `giver`; None when all is well.

    Never so that the receiver would be fuller than the giver afterwards.
    """
    own = next((load for load in loads if load.host == giver), None)
    others = [load for load in loads if load.host != giver and load.room]
    if own is None or not others:
        return None
    emptiest = min(others, key=lambda load: (load.phones + 1) / load.capacity)
    # Fillings are compared in whole numbers, multiplied by both capacities.
    if (own.phones - 1) * emptiest.capacity < (emptiest.phones + 1) * own.capacity:
        return None
    filling = own.phones * emptiest.capacity
    difference = filling - emptiest.phones * own.capacity
    if WORTH_IT * difference < filling:
        return None
    return emptiest.host
