"""Addresses of linked devices in Baileys' keys and in whatsmeow's columns.

Baileys 6.7 does not say whether a user is a number or a LID; Baileys 7 and whatsmeow
mark the domain of everything but numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER, LID, HOSTED, HOSTED_LID = 0, 1, 128, 129
DOMAINS = (NUMBER, LID, HOSTED, HOSTED_LID)
MAX_DEVICE = 65535
OWN_JID = re.compile(r"([1-9]\d{6,14})(?:\.\d+)?:(\d{1,3})@s\.whatsapp\.net", re.ASCII)
OWN_LID = re.compile(r"([1-9]\d{4,19})(?::(\d{1,3}))?@lid", re.ASCII)
BAILEYS = re.compile(r"(\d{1,20})(?:_(\d{1,3}))?\.(\d{1,5})", re.ASCII)
WHATSMEOW = re.compile(r"(\d{1,20})(?:_(\d{1,3}))?:(\d{1,5})", re.ASCII)
# Multi-file stores replace colons in names.
SENDER_NAME = re.compile(
    r"(.+?)(?:::|--)(\d{1,20}(?:_\d{1,3})?)(?:::|--)(\d{1,5})", re.ASCII
)


@dataclass(frozen=True, order=True)
class Address:
    """One device of one user; `user` is a number's or a LID's digits."""

    user: str
    domain: int
    device: int

    @property
    def baileys(self) -> str:
        """As Baileys 6.7 writes it: without the domain."""
        return f"{self.user}.{self.device}"

    @property
    def whatsmeow(self) -> str:
        domain = f"_{self.domain}" if self.domain else ""
        return f"{self.user}{domain}:{self.device}"


def from_baileys(text: str) -> Address:
    """The address in a key of Baileys; the number's domain where none is marked."""
    return _address(BAILEYS, text)


def from_whatsmeow(text: str) -> Address:
    return _address(WHATSMEOW, text)


def from_sender_name(name: str) -> tuple[str, Address]:
    """(group's JID, sender) of a sender key's name."""
    found = SENDER_NAME.fullmatch(name)
    if found is None:
        raise ValueError("no name of a sender key")
    return found[1], from_baileys(f"{found[2]}.{found[3]}")


def _address(form: re.Pattern[str], text: str) -> Address:
    found = form.fullmatch(text)
    if found is None:
        raise ValueError("no address of a device")
    address = Address(found[1], int(found[2] or NUMBER), int(found[3]))
    if address.domain not in DOMAINS or address.device > MAX_DEVICE:
        raise ValueError("no address of a device")
    return address
