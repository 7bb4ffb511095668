"""What stands in the QR code, and how long each code is good."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

# How long a client shows a code: the first of a full set of six, and any other.
FULL_SET = 6
FIRST_REF_SECONDS = 60.0
REF_SECONDS = 20.0
REF_GRACE_SECONDS = 20.0


class ScanError(Exception):
    """The phone refuses the code; the text is the sentence for the person."""


@dataclass(frozen=True, slots=True)
class Code:
    """The parts of a QR text that matter to the phone."""

    ref: str
    noise_key: bytes
    identity: bytes
    adv_secret: bytes

    @classmethod
    def parse(cls, text: str) -> Code:
        """Read `https://…#ref,noise,identity,secret,type` or the part after `#`."""
        parts = text.rpartition("#")[2].split(",")
        if len(parts) < 4:
            raise ScanError("This is not a code for linking a device.")
        try:
            keys = [base64.b64decode(part, validate=True) for part in parts[1:4]]
        except (binascii.Error, ValueError) as error:
            raise ScanError("This is not a code for linking a device.") from error
        return cls(parts[0], *keys)


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref the server gave out; times are of the event loop's clock."""

    text: str
    hidden_at: float

    @property
    def expires_at(self) -> float:
        return self.hidden_at + REF_GRACE_SECONDS


def make_refs(count: int, now: float) -> Iterator[Ref]:
    """Refs that a client will show one after the other, beginning now."""
    hidden_at = now
    for left in range(count, 0, -1):
        hidden_at += FIRST_REF_SECONDS if left == FULL_SET else REF_SECONDS
        yield Ref("2@" + secrets.token_urlsafe(48), hidden_at)
