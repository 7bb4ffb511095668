"""Which number has which LID, from everything that tells it.

The network speaks LID while Baileys 6.7 keeps sessions under the number; a session
without its LID lies idle, so each pair saves its contact a retry.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sessions.baileys.addresses import LID, NUMBER, Address

CATEGORY = "lid-mapping"
TABLE = "whatsmeow_lid_map"
REVERSE = "_reverse"
NUMBER_DIGITS = re.compile(r"[1-9]\d{4,14}", re.ASCII)
LID_DIGITS = re.compile(r"[1-9]\d{4,19}", re.ASCII)
# Numbers have 15 digits at most and rarely more than 13; LIDs have 14 and more.
SHORTEST_LID = 14


class LidMap:
    """Numbers and LIDs, one to one; what was added first stays."""

    def __init__(self) -> None:
        self.lids: dict[str, str] = {}
        self.numbers: dict[str, str] = {}

    def add(self, number: object, lid: object) -> None:
        """Take the pair unless one of the two is known already, or is none."""
        if not isinstance(number, str) or not isinstance(lid, str):
            return
        if not NUMBER_DIGITS.fullmatch(number) or not LID_DIGITS.fullmatch(lid):
            return
        if number not in self.lids and lid not in self.numbers:
            self.lids[number] = lid
            self.numbers[lid] = number

    def add_rows(self, mappings: Mapping[str, Any]) -> None:
        """Take Baileys 7's rows: number → LID, and LID with a suffix → number."""
        for name, value in mappings.items():
            if name.endswith(REVERSE):
                self.add(value, name.removesuffix(REVERSE))
            else:
                self.add(name, value)

    def add_from_identities(self, identities: Iterable[tuple[Address, bytes]]) -> None:
        """Two addresses with one device number and identity key are one person.

        Not when they are more than two: a number that was changed keeps its key.
        """
        owners: dict[tuple[bytes, int], set[Address]] = defaultdict(set)
        for address, identity in identities:
            owners[identity, address.device].add(self.sorted_out(address))
        for found in owners.values():
            users = {address.domain: address.user for address in found}
            if len(found) == 2 and users.keys() == {NUMBER, LID}:
                self.add(users[NUMBER], users[LID])

    def sorted_out(self, address: Address) -> Address:
        """The address with its domain, which Baileys 6.7 leaves out."""
        if address.domain != NUMBER or address.user in self.lids:
            return address
        if address.user in self.numbers or len(address.user) >= SHORTEST_LID:
            return Address(address.user, LID, address.device)
        return address

    def resolved(self, address: Address) -> Address:
        """The address under which whatsmeow looks for it: the LID's, if it is known."""
        known = self.sorted_out(address)
        if known.domain == NUMBER and known.user in self.lids:
            return Address(self.lids[known.user], LID, known.device)
        return known
