"""Made-up records of the Signal protocol, as libsignal-node and Baileys write them."""

from __future__ import annotations

import base64
import json
import random
from datetime import datetime
from functools import cache
from typing import Any

from sessions.sandbox.keys import SIGNAL_TYPE, KeyPair

PAIRS_IN_POOL = 64
OURS, THEIRS = 1, 2  # libsignal-node's base key types
SENDING, RECEIVING = 1, 2  # and its chain types
OPEN = -1


@cache
def _pool() -> list[KeyPair]:
    seed = random.Random("pool")
    return [KeyPair.from_private(seed.randbytes(32)) for _ in range(PAIRS_IN_POOL)]


def pooled(at: int) -> KeyPair:
    """A key pair of the pool, the same one for the same place in each run."""
    return _pool()[at % PAIRS_IN_POOL]


def pair_row(pair: KeyPair) -> dict[str, bytes]:
    return {"private": pair.private, "public": pair.public}


# -- sessions -------------------------------------------------------------------------


def session_record(
    rng: random.Random,
    *,
    remote_identity: bytes = b"",
    pending: bool = False,
    closed: bool = False,
) -> dict[str, Any]:
    """One open state, and an older closed one if asked for.

    `remote_identity` has 33 bytes; a `pending` session was never answered.
    """
    states = [_state(rng, remote_identity, pending=pending)]
    if closed:
        states.append(_state(rng, remote_identity, closed_at=1_772_400_000_000))
    return {
        "_sessions": {state["indexInfo"]["baseKey"]: state for state in states},
        "version": "v1",
    }


def _state(
    rng: random.Random,
    remote_identity: bytes,
    *,
    pending: bool = False,
    closed_at: int = OPEN,
) -> dict[str, Any]:
    ours, live, old, identity = rng.sample(_pool(), 4)
    # The base key names the state inside the record: never from the pool.
    base = _text(SIGNAL_TYPE + rng.randbytes(32))
    chains = {public_text(ours): _chain(rng, SENDING, counter=rng.randrange(-1, 9))}
    if not pending:
        chains[public_text(old)] = _chain(rng, RECEIVING, counter=7, ended=True)
        chains[public_text(live)] = _chain(rng, RECEIVING, counter=3, skipped=(1, 2))
    state: dict[str, Any] = {
        "registrationId": rng.randrange(1, 2**31),
        "currentRatchet": {
            "ephemeralKeyPair": {
                "pubKey": public_text(ours),
                "privKey": _text(ours.private),
            },
            "lastRemoteEphemeralKey": public_text(live),
            "previousCounter": rng.choice((-1, 0, 4)),
            "rootKey": _text(rng.randbytes(32)),
        },
        "indexInfo": {
            "baseKey": base,
            "baseKeyType": OURS if pending else THEIRS,
            "closed": closed_at,
            "used": 1_772_500_000_000 + rng.randrange(10**8),
            "created": 1_772_400_000_000,
            "remoteIdentityKey": _text(
                remote_identity or SIGNAL_TYPE + identity.public
            ),
        },
        "_chains": chains,
    }
    if pending:
        state["pendingPreKey"] = {
            "signedKeyId": 7,
            "baseKey": base,
            "preKeyId": rng.randrange(1, 2**24),
        }
    return state


def _chain(
    rng: random.Random,
    kind: int,
    *,
    counter: int,
    skipped: tuple[int, ...] = (),
    ended: bool = False,
) -> dict[str, Any]:
    """A chain that ended has no key; `skipped` messages are still to come."""
    chain_key: dict[str, Any] = {"counter": counter}
    if not ended:
        chain_key["key"] = _text(rng.randbytes(32))
    return {
        "chainKey": chain_key,
        "chainType": kind,
        "messageKeys": {str(index): _text(rng.randbytes(32)) for index in skipped},
    }


# -- groups and app state -------------------------------------------------------------


def sender_key_record(rng: random.Random, *, own: bool = False) -> bytes:
    """JSON text in bytes; its own Buffers are number lists (no replacer is used)."""
    signing = pooled(rng.randrange(PAIRS_IN_POOL))
    signing_key = {"public": _listed(SIGNAL_TYPE + signing.public)}
    if own:
        signing_key["private"] = _listed(signing.private)
    state = {
        "senderKeyId": rng.randrange(2**31),
        "senderChainKey": {"iteration": 6, "seed": _listed(rng.randbytes(32))},
        "senderSigningKey": signing_key,
        "senderMessageKeys": [{"iteration": 4, "seed": _listed(rng.randbytes(32))}],
    }
    return json.dumps([state], separators=(",", ":")).encode()


def app_state_key_id(at: int) -> str:
    """Six bytes in base64, as WhatsApp names these keys."""
    return _text(b"\x00\x00\xff\xff" + at.to_bytes(2, "big"))


def app_state_key(rng: random.Random, made_at: datetime) -> dict[str, Any]:
    return {
        "keyData": _text(rng.randbytes(32)),
        "fingerprint": {
            "rawId": rng.randrange(2**31),
            "currentIndex": 3,
            "deviceIndexes": [0, 2, 3],
        },
        "timestamp": str(int(made_at.timestamp() * 1000)),
    }


def empty_app_state(version: int = 1) -> dict[str, Any]:
    """A collection without records: the LT-hash of nothing is all zeros."""
    return {"version": version, "hash": bytes(128), "indexValueMap": {}}


def public_text(pair: KeyPair) -> str:
    return _text(SIGNAL_TYPE + pair.public)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _listed(value: bytes) -> dict[str, Any]:
    return {"type": "Buffer", "data": list(value)}
