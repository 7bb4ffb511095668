"""Addresses: who a stanza is from or to."""

from __future__ import annotations

from dataclasses import dataclass, replace

PHONE_SERVER = "s.whatsapp.net"
LID_SERVER = "lid"
LEGACY_SERVER = "c.us"


@dataclass(frozen=True, slots=True)
class Jid:
    """A user or server address; device 0 is the primary phone."""

    user: str
    server: str = PHONE_SERVER
    device: int = 0

    @classmethod
    def parse(cls, text: str) -> Jid:
        """Read `user[:device]@server`; raises ValueError for anything else."""
        user, at, server = text.partition("@")
        if not at or not server:
            raise ValueError("a JID needs a user and a server")
        user, _, device = user.partition(":")
        number = int(device) if device else 0
        if not 0 <= number <= 255:
            raise ValueError("a device number is between 0 and 255")
        return cls(user, server, number)

    @property
    def bare(self) -> Jid:
        return replace(self, device=0)

    @property
    def masked(self) -> str:
        """The address for logs: a whole number never stands there."""
        device = f":{self.device}" if self.device else ""
        return f"{mask(self.user)}{device}@{self.server}"

    def __str__(self) -> str:
        if not self.user:
            return self.server
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}"


SERVER_JID = Jid("", PHONE_SERVER)


def mask(number: str) -> str:
    return number if len(number) < 7 else f"{number[:2]}***{number[-2:]}"
