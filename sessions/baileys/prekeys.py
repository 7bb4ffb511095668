"""One-time prekeys; both libraries keep them by number until they are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sessions.auth.rows import Row, Text
from sessions.baileys.fields import KEY_SIZE, Malformed, key_pair, public_of, whole
from sessions.baileys.signal_session import MAX_PREKEY_ID

CATEGORY = "pre-key"
TABLE = "whatsmeow_pre_keys"


def to_rows(
    jid: Text,
    found: Mapping[str, Any],
    counters: Mapping[str, Any],
    random_bytes: Callable[[int], bytes],
) -> tuple[list[Row], Counter[str]]:
    """(rows, what was lost) of the prekeys by id, as text.

    whatsmeow counts on from the highest id it has, Baileys from `nextPreKeyId`. If the
    last key is used up, a fresh one that is not uploaded keeps the ids from repeating.
    """
    first_new = _bound(counters.get("firstUnuploadedPreKeyId"))
    keys: dict[int, bytes] = {}
    lost: Counter[str] = Counter()
    for name, pair in found.items():
        try:
            key_id = whole(name, "prekey id", 1, MAX_PREKEY_ID)
            keys[key_id] = key_pair(pair, "prekey")
        except Malformed:
            lost[CATEGORY] += 1
    uploaded = {key_id: int(key_id < first_new) for key_id in keys}
    following = _bound(counters.get("nextPreKeyId"))
    if max(keys, default=0) < following - 1:
        keys[following] = random_bytes(KEY_SIZE)
        uploaded[following] = 0
    rows: list[Row] = [
        {
            "jid": jid,
            "key_id": key_id,
            "key": keys[key_id],
            "uploaded": uploaded[key_id],
        }
        for key_id in sorted(keys)
    ]
    return rows, lost


def _bound(value: Any) -> int:
    """A counter of creds; without it no prekey is known to be uploaded."""
    try:
        return whole(value, "counter", 1, MAX_PREKEY_ID)
    except Malformed:
        return 1


def from_rows(rows: list[Row]) -> tuple[dict[str, Any], dict[str, int]]:
    """(Baileys' rows, its counters) of whatsmeow's rows.

    Baileys uploads every id from `firstUnuploadedPreKeyId` on and stumbles over a gap,
    so only the unbroken run of new keys at the end counts as not uploaded.
    """
    keys: dict[int, bytes] = {}
    new: set[int] = set()
    for row in rows:
        key_id, private = row.get("key_id"), row.get("key")
        if isinstance(key_id, int) and isinstance(private, bytes):
            keys[key_id] = private
            if not row.get("uploaded"):
                new.add(key_id)
    following = max(keys, default=0) + 1
    first_new = following
    while first_new - 1 in new:
        first_new -= 1
    pairs = {
        f"{CATEGORY}-{key_id}": {"private": private, "public": public_of(private)}
        for key_id, private in sorted(keys.items())
        if len(private) == KEY_SIZE
    }
    counters = {"nextPreKeyId": following, "firstUnuploadedPreKeyId": first_new}
    return pairs, counters
