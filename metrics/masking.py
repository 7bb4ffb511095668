"""What may be kept of an event: no numbers, no keys, no QR texts.

Pure, so that policy and the write door of the history share one rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 500  # characters
MAX_ITEMS = 60  # of a list or mapping
HIDDEN = "…"

_QR_LINK = re.compile(r"https?://wa\.me/settings/linked_devices\S*")
_QR_REFERENCE = re.compile(r"\b\d@[A-Za-z0-9+/=_,-]{8,}")
# Keys, digests, references: long runs of base64 or hex.
_OPAQUE = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_SPACED_NUMBER = re.compile(r"\+\d[\d \u00a0().-]{5,}\d")
_DIGITS = re.compile(r"\d{7,}")
# Names whose value is a secret or a message, whatever it looks like.
_SECRET_NAMES = re.compile(
    r"(^|_)(qr|keys?|secret|token|password|text|body|payload|creds)($|_)", re.IGNORECASE
)
# Whole numbers of seconds, not of phones.
_TIMES = frozenset({"at", "expire", "last_success"})


def mask_digits(digits: str) -> str:
    """The first two and the last two digits."""
    return f"{digits[:2]}***{digits[-2:]}"


def masked_text(text: str, limit: int = MAX_TEXT) -> str:
    """`text` without QR texts, keys and numbers of 7 digits or more, cut to `limit`."""
    text = _QR_LINK.sub(HIDDEN, text[: 20 * limit])
    text = _QR_REFERENCE.sub(HIDDEN, text)
    text = _OPAQUE.sub(_hide_opaque, text)
    text = _SPACED_NUMBER.sub(_mask_match, text)
    text = _DIGITS.sub(_mask_match, text)
    return text if len(text) <= limit else text[: limit - 1] + HIDDEN


def masked_evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """`evidence` fit for storing as JSON: secrets dropped, the rest masked."""
    kept = list(evidence.items())[:MAX_ITEMS]
    return {
        masked_text(str(name), 60): _masked(str(name), value)
        for name, value in kept
        if not _SECRET_NAMES.search(str(name)) and not isinstance(value, bytes)
    }


def _masked(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if name in _TIMES else _masked_number(value)
    if isinstance(value, Mapping):
        return masked_evidence(value)
    if isinstance(value, list | tuple | set | frozenset):
        kept = [item for item in value if not isinstance(item, bytes)]
        return [_masked(name, item) for item in kept[:MAX_ITEMS]]
    return masked_text(str(value))


def _masked_number(value: int) -> int | str:
    digits = str(abs(value))
    return value if len(digits) < 7 else mask_digits(digits)


def _mask_match(match: re.Match[str]) -> str:
    return mask_digits(re.sub(r"\D", "", match[0]))


def _hide_opaque(match: re.Match[str]) -> str:
    run = match[0]
    if run.isdigit():
        return mask_digits(run)
    words = re.split(r"[_/-]", run)
    return run if all(_is_word(word) for word in words) else HIDDEN


def _is_word(word: str) -> bool:
    """Letters with few capitals: `ConnectFailureReason`, not a piece of a key."""
    capitals = sum(letter.isupper() for letter in word)
    mixed = len(word) >= 8 and not word.isupper() and capitals * 4 > len(word)
    return len(word) <= 40 and (not word or word.isalpha()) and not mixed
