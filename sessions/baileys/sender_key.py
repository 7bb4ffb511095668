"""Sender keys of groups, both ways without loss: the Go library keeps the seeds."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

from sessions.baileys.buffer_json import loads
from sessions.baileys.fields import (
    KEY_SIZE,
    KEY_TYPE,
    Malformed,
    bare_public_key,
    base64_text,
    binary,
    mapping,
    public_key,
    sequence,
    whole,
)

CATEGORY = "sender-key"
TABLE = "whatsmeow_sender_keys"
MAX_STATES = 5
MAX_MESSAGE_KEYS = 2000
MESSAGE_KEYS_INFO = b"WhisperGroup"


def read_states(value: Any) -> list[dict[str, Any]]:
    """The record's states in the Go library's form, newest first.

    Baileys stores a Buffer of JSON text. Raises Malformed for a record without states,
    or with a broken one.
    """
    if isinstance(value, bytes | str):
        try:
            value = loads(value)
        except ValueError as error:
            raise Malformed("sender key is no JSON") from error
    states = [_go_state(mapping(state, "state")) for state in sequence(value, "states")]
    if not states:
        raise Malformed("sender key without states")
    return states[::-1]


def is_ours(states: Sequence[dict[str, Any]]) -> bool:
    """Only our own has a private signing key."""
    return any(state["SigningKeyPrivate"] for state in states)


def record(found: Sequence[list[dict[str, Any]]]) -> bytes:
    """The Go library's record of one sender: the states of all records, by their ids.

    It looks states up by id, so of two with the same id the first one counts.
    """
    states: dict[int, dict[str, Any]] = {}
    for state in chain.from_iterable(found):
        states.setdefault(state["KeyID"], state)
    newest_first = list(states.values())[:MAX_STATES]
    return json.dumps({"SenderKeyStates": newest_first}, separators=(",", ":")).encode()


def _go_state(state: dict[str, Any]) -> dict[str, Any]:
    chain_key = mapping(state.get("senderChainKey"), "sender chain")
    signing = mapping(state.get("senderSigningKey"), "signing key")
    seeds = state.get("senderMessageKeys")
    keys = [_go_message_key(key) for key in seeds] if isinstance(seeds, list) else []
    private = binary(signing.get("private") or b"", "signing key, private")
    public = KEY_TYPE + bare_public_key(signing.get("public"), "signing key")
    return {
        "Keys": keys[-MAX_MESSAGE_KEYS:],
        "KeyID": whole(state.get("senderKeyId"), "sender key id"),
        "SenderChainKey": {
            "Iteration": whole(chain_key.get("iteration"), "iteration"),
            "ChainKey": base64_text(
                binary(chain_key.get("seed"), "chain key", KEY_SIZE)
            ),
        },
        "SigningKeyPrivate": base64_text(private) if any(private) else None,
        "SigningKeyPublic": base64_text(public),
    }


def _go_message_key(key: Any) -> dict[str, Any]:
    fields = mapping(key, "message key")
    seed = binary(fields.get("seed"), "message key", KEY_SIZE)
    extracted = hmac.digest(bytes(32), seed, hashlib.sha256)
    first = hmac.digest(extracted, MESSAGE_KEYS_INFO + b"\x01", hashlib.sha256)
    second = hmac.digest(extracted, first + MESSAGE_KEYS_INFO + b"\x02", hashlib.sha256)
    return {
        "Iteration": whole(fields.get("iteration"), "iteration"),
        "IV": base64_text(first[:16]),
        "CipherKey": base64_text(first[16:] + second[:16]),
        "Seed": base64_text(seed),
    }


# -- back ------------------------------------------------------------------------------


def states_of(content: object) -> list[dict[str, Any]]:
    """The states of the Go library's record; raises Malformed for a broken one."""
    if not isinstance(content, bytes):
        raise Malformed("no sender key")
    try:
        found = mapping(json.loads(content), "sender key").get("SenderKeyStates")
    except (ValueError, RecursionError) as error:
        raise Malformed("sender key is no JSON") from error
    states = [mapping(state, "state") for state in sequence(found, "states")]
    if not states:
        raise Malformed("sender key without states")
    return states


def has_private_key(states: Sequence[dict[str, Any]]) -> bool:
    """The library writes zeros for the private keys of others."""
    return any(any(binary(s.get("SigningKeyPrivate") or "", "key")) for s in states)


def to_node(states: Sequence[dict[str, Any]]) -> bytes:
    """Baileys' record: JSON text, newest state last, Buffers as lists of numbers."""
    node = [_node_state(state) for state in reversed(states)]
    return json.dumps(node, separators=(",", ":")).encode()


def _node_state(state: dict[str, Any]) -> dict[str, Any]:
    chain_key = mapping(state.get("SenderChainKey"), "sender chain")
    public = public_key(state.get("SigningKeyPublic"), "signing key")
    keys = sequence(state.get("Keys") or [], "message keys")
    return {
        "senderKeyId": whole(state.get("KeyID"), "sender key id"),
        "senderChainKey": {
            "iteration": whole(chain_key.get("Iteration"), "iteration"),
            "seed": _listed(binary(chain_key.get("ChainKey"), "chain key", KEY_SIZE)),
        },
        "senderSigningKey": {"public": _listed(public)},
        "senderMessageKeys": [_node_message_key(key) for key in keys],
    }


def _node_message_key(key: Any) -> dict[str, Any]:
    fields = mapping(key, "message key")
    return {
        "iteration": whole(fields.get("Iteration"), "iteration"),
        "seed": _listed(binary(fields.get("Seed"), "message key", KEY_SIZE)),
    }


def _listed(content: bytes) -> dict[str, Any]:
    return {"type": "Buffer", "data": list(content)}
