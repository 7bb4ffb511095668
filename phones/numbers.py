"""Phone numbers and JIDs: parsing, keys and masking."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# E.164 allows 15 digits; WhatsApp has accounts from 7 digits on.
DIGITS = re.compile(r"^[1-9]\d{6,14}$")
SEPARATORS = re.compile(r"[\s\-().\u00a0]")


def parse_number(text: str) -> str:
    """Digits of an international number; `+`, spaces, dashes and brackets may stand in.

    Raises ValidationError with a sentence for everything else.
    """
    digits = SEPARATORS.sub("", text.strip()).removeprefix("+").removeprefix("00")
    if not DIGITS.match(digits) or not digits.isascii():
        raise ValidationError(
            _(
                "“%(text)s” is not a phone number: write the country code and the "
                "number, 7 to 15 digits, for example +7 705 481 08 62."
            ),
            code="number",
            params={"text": text[:40]},
        )
    return digits


def validate_number(text: str) -> None:
    parse_number(text)


def bare_key(jid_or_number: str) -> str:
    """The auth key of a phone: its JID up to `@` and `:` (the seed's rule)."""
    return jid_or_number.split("@")[0].split(":")[0]


def mask_number(jid_or_number: str | None) -> str:
    """A number for logs: the first two and the last two digits only."""
    if not jid_or_number:
        return "-"
    bare = bare_key(jid_or_number)
    return f"{bare[:2]}***{bare[-2:]}" if len(bare) > 4 else "***"
