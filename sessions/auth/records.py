"""What is in a Signal session and a sender key, as far as the Go core reads it.

libsignal takes the first byte of every public key and follows every pointer without
asking whether it is there, when it loads a record, archived states too (read in its
source). A session without a sending chain ends the process (measured on neonize 0.5.2).
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from dataclasses import dataclass
from typing import Any

PRIVATE, PUBLIC = 32, 33  # bytes; a public key has its type in front
TYPE = 5  # Curve25519, the only one
# RecursionError: of JSON that is nested a thousand times.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Unsound(Exception):
    """What is wrong with the record, in two or three words."""


@dataclass(frozen=True)
class SessionKeys:
    """The identities of a session's current state: 33 bytes each."""

    local: bytes
    remote: bytes


def read_session(record: object) -> SessionKeys:
    """Raises Unsound for what the Go core must not get."""
    try:
        document = json.loads(record)  # type: ignore[arg-type]
        state = document["SessionState"]
        _chain(state["SenderChain"], sending=True)
        _expect(state["RootKey"], PRIVATE, "root key")
        keys = _state(state)
        for archived in document.get("PreviousStates") or []:
            _state(archived)
            _chain(archived["SenderChain"], sending=False)
    except UNREADABLE as error:
        raise Unsound(f"not readable ({type(error).__name__})") from error
    return keys


def read_sender_key(record: object) -> None:
    """Raises Unsound for what the Go core must not get."""
    try:
        states = json.loads(record)["SenderKeyStates"] or []  # type: ignore[arg-type]
        for state in states:
            _expect(state["SenderChainKey"]["ChainKey"], PRIVATE, "chain key")
            _expect(state["SigningKeyPublic"], PUBLIC, "signing key")
            if None in (state.get("Keys") or []):
                raise Unsound("message key missing")
    except UNREADABLE as error:
        raise Unsound(f"not readable ({type(error).__name__})") from error


def _state(state: dict[str, Any]) -> SessionKeys:
    _expect(state["SenderBaseKey"], PUBLIC, "base key")
    for chain in state["ReceiverChains"] or []:
        _chain(chain, sending=False)
    pending = state.get("PendingPreKey")
    if pending is not None:
        _expect(pending["BaseKey"], PUBLIC, "pending base key")
    return SessionKeys(
        local=_expect(state["LocalIdentityPublic"], PUBLIC, "own identity"),
        remote=_expect(state["RemoteIdentityPublic"], PUBLIC, "identity"),
    )


def _chain(chain: dict[str, Any], *, sending: bool) -> None:
    """The chain in use needs its secrets; a closed one has no key any more."""
    _expect(chain["SenderRatchetKeyPublic"], PUBLIC, "ratchet key")
    key = chain["ChainKey"]["Key"]
    if sending or key:
        _expect(key, PRIVATE, "chain key")
    if sending:
        _expect(chain["SenderRatchetKeyPrivate"], PRIVATE, "private ratchet key")
    if None in (chain.get("MessageKeys") or []):
        raise Unsound("message key missing")


def _expect(text: str, size: int, name: str) -> bytes:
    raw = a2b_base64(text, strict_mode=True)
    if len(raw) != size:
        raise Unsound(f"{name} of {len(raw)} bytes")
    if size == PUBLIC and raw[0] != TYPE:
        raise Unsound(f"{name} of type {raw[0]}")
    return raw
