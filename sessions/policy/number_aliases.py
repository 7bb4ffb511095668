"""Numbers that people write in two ways and WhatsApp in one."""

from __future__ import annotations

import re
from collections.abc import Iterator


def same_number(registered: str, linked: str) -> bool:
    """Tell whether the linked account is the registered number; both as digits."""
    return linked in spellings(registered) or registered in spellings(linked)


def number_in(jid: str) -> str:
    """The account's number in a JID, with a device and an agent or without."""
    return re.split(r"[.:@]", jid)[0]


def spellings(number: str) -> set[str]:
    """The number itself and its known other spellings."""
    return {number, *_aliases(number)}


def _aliases(number: str) -> Iterator[str]:
    if re.fullmatch(r"8[3479]\d{9}", number):
        yield "7" + number[1:]  # Russia, Kazakhstan: the trunk prefix
    if match := re.fullmatch(r"(55\d\d)(9?)([6-9]\d{7})", number):
        yield match[1] + match[3]  # Brazil: the ninth digit of mobiles
        yield match[1] + "9" + match[3]
    if match := re.fullmatch(r"(52|54)[19]?(\d{10})", number):
        mobile = "1" if match[1] == "52" else "9"  # Mexico, Argentina
        yield match[1] + match[2]
        yield match[1] + mobile + match[2]
