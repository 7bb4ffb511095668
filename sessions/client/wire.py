"""What the host and a session process say to each other: JSON lines over a socketpair.

Host to session: renew, send, logout, stop, debug (key ``do``). Session to host: events
(keys ``event`` and ``at``, unix time). docs/architecture.md lists them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MAX_LINE_BYTES = 1024 * 1024

Realm = Literal["whatsapp", "sandbox"]
Line = dict[str, Any]


class WireError(Exception):
    """The other side sent something that is not a JSON object on one line."""


@dataclass(frozen=True)
class SessionSettings:
    """Everything a session process is told at its birth.

    ``jid`` is the full JID of the stored device, None pairs by QR. ``deadline`` is in
    seconds of CLOCK_MONOTONIC: the kernel ends the process then unless it was renewed.
    ``root_key`` is the sandbox's Noise root public key in hex, for that realm only.
    ``proxy`` is the URL of the phone's own proxy, with its password.
    """

    phone_id: int
    store_path: str
    realm: Realm
    jid: str | None
    device_name: str
    deadline: float
    lock_path: str
    stderr_path: str
    root_key: str | None = None
    proxy: str | None = field(default=None, repr=False)
    debug: bool = False
    alive_seconds: float = 10.0


def encode(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"


class LineReader:
    """Cuts a byte stream into JSON objects; keeps an unfinished line for later."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Line]:
        """Return the objects ``chunk`` completes; raise WireError on anything else."""
        *complete, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise WireError("a line is longer than 1 MiB")
        return [_decode(line) for line in complete]


def _decode(text: bytes) -> Line:
    if len(text) > MAX_LINE_BYTES:
        raise WireError("a line is longer than 1 MiB")
    try:
        line = json.loads(text)
    except ValueError as error:
        raise WireError("a line is not JSON") from error
    if not isinstance(line, dict):
        raise WireError("a line is not a JSON object")
    return line
