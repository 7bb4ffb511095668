"""The LID map a person gives: which number has which LID, as JSON."""

from __future__ import annotations

import json

from sessions.baileys.lid_map import LID_DIGITS, NUMBER_DIGITS


def read_lid_map(content: str | bytes) -> dict[str, str]:
    """Bare number → bare LID user, of a JSON object with bare ones or whole JIDs.

    Pairs that are none are left out, as a contact without a LID is. Raises ValueError
    for anything else than an object, and for one in which no pair is left.
    """
    try:
        pairs = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(pairs, dict):
        raise ValueError("no JSON object")
    lids = {
        _user(number): _user(lid)
        for number, lid in pairs.items()
        if isinstance(lid, str) and not number.endswith("@lid")
    }
    known = {
        number: lid
        for number, lid in lids.items()
        if NUMBER_DIGITS.fullmatch(number) and LID_DIGITS.fullmatch(lid)
    }
    if pairs and not known:
        raise ValueError("not number: LID")
    return known


def _user(jid: str) -> str:
    """`77054810862:3@s.whatsapp.net` → `77054810862`."""
    return jid.partition("@")[0].partition(":")[0].strip().removeprefix("+")
