"""A Signal session: libsignal-node's record → the JSON of the Go library.

Only the open state is carried. Both libraries try states in place: a message for an
older state first makes a false ratchet step on the current one, which is then saved
with it (measured on neonize 0.5.2). Without older states such a message fails cleanly,
and its sender repeats it after a retry receipt.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sessions.baileys.fields import (
    KEY_SIZE,
    KEY_TYPE,
    MAX_UINT32,
    Malformed,
    base64_text,
    binary,
    mapping,
    public_key,
    public_of,
    whole,
)

OURS, THEIRS = 1, 2  # libsignal-node's types of base keys
SENDING, RECEIVING = 1, 2  # and of chains
OPEN = -1
VERSION = 3  # of the Signal protocol
MAX_CHAINS = 5  # receiving ones the Go library keeps
MAX_MESSAGE_KEYS = 2000  # in each of them
MAX_PREKEY_ID = (1 << 24) - 1
MIN_INT32 = -(1 << 31)
MESSAGE_KEYS_INFO = b"WhisperMessageKeys"


@dataclass(frozen=True)
class LocalDevice:
    """identity: the device's public identity key, 32 bytes."""

    identity: bytes
    registration_id: int


@dataclass
class OpenSession:
    """The open state in the Go library's form, and what the record says beside it.

    used: milliseconds since 1970. remote_identity: 32 bytes. closed_states and
    message_keys count what had to be left behind.
    """

    state: dict[str, Any]
    used: int
    remote_identity: bytes
    closed_states: int
    message_keys: int

    @property
    def record(self) -> dict[str, Any]:
        return {"SessionState": self.state, "PreviousStates": []}


def read_open_session(record: Any, local: LocalDevice) -> OpenSession:
    """Raises Malformed unless the record has exactly one open state and it is whole."""
    entries = mapping(mapping(record, "record").get("_sessions"), "states")
    states = [mapping(entry, "state") for entry in entries.values()]
    opened = [state for state in states if _info(state).get("closed") == OPEN]
    if len(opened) != 1:
        raise Malformed(f"{len(opened)} open states")
    (state,) = opened
    identity = public_key(_info(state).get("remoteIdentityKey"), "remote identity")
    chains, left = _receiver_chains(state)
    used = _info(state).get("used")
    return OpenSession(
        state=_go_state(state, local, identity, chains),
        used=used if isinstance(used, int) else 0,
        remote_identity=identity[1:],
        closed_states=len(states) - 1,
        message_keys=left,
    )


def _info(state: dict[str, Any]) -> dict[str, Any]:
    return mapping(state.get("indexInfo"), "index")


def _ratchet(state: dict[str, Any]) -> dict[str, Any]:
    return mapping(state.get("currentRatchet"), "ratchet")


def _go_state(
    state: dict[str, Any],
    local: LocalDevice,
    identity: bytes,
    receiver_chains: list[dict[str, Any]],
) -> dict[str, Any]:
    ratchet = _ratchet(state)
    root_key = binary(ratchet.get("rootKey"), "root key", KEY_SIZE)
    # libsignal-node has it signed and counts from -1, which Go would not read.
    counter = whole(ratchet.get("previousCounter"), "counter", MIN_INT32) & MAX_UINT32
    registration_id = whole(state.get("registrationId"), "registration id")
    base_key = public_key(_info(state).get("baseKey"), "base key")
    return {
        "LocalIdentityPublic": base64_text(KEY_TYPE + local.identity),
        "LocalRegistrationID": local.registration_id,
        "NeedsRefresh": False,
        "PendingKeyExchange": None,
        "PendingPreKey": _pending_prekey(state.get("pendingPreKey")),
        "PreviousCounter": counter,
        "ReceiverChains": receiver_chains,
        "RemoteIdentityPublic": base64_text(identity),
        "RemoteRegistrationID": registration_id,
        "RootKey": base64_text(root_key),
        "SenderBaseKey": base64_text(base_key),
        "SenderChain": _sender_chain(state),
        "SessionVersion": VERSION,
    }


def _pending_prekey(pending: Any) -> dict[str, Any] | None:
    if pending is None:
        return None
    fields = mapping(pending, "pending prekey")
    key_id = fields.get("preKeyId")
    value = 0 if key_id is None else whole(key_id, "prekey id", 0, MAX_PREKEY_ID)
    signed_id = whole(fields.get("signedKeyId"), "signed prekey id", 0, MAX_PREKEY_ID)
    return {
        "PreKeyID": {"Value": value, "IsEmpty": key_id is None},
        "SignedPreKeyID": signed_id,
        "BaseKey": base64_text(public_key(fields.get("baseKey"), "base key")),
    }


# -- chains ----------------------------------------------------------------------------


def _chains(state: dict[str, Any]) -> dict[bytes, dict[str, Any]]:
    """Chains by their public ratchet key, oldest first."""
    chains = mapping(state.get("_chains"), "chains")
    return {
        public_key(key, "ratchet key"): mapping(chain, "chain")
        for key, chain in chains.items()
    }


def _sender_chain(state: dict[str, Any]) -> dict[str, Any]:
    """Without a key in it the Go library ends its process at the next message."""
    pair = mapping(_ratchet(state).get("ephemeralKeyPair"), "own ratchet key")
    public = public_key(pair.get("pubKey"), "own ratchet key")
    private = binary(pair.get("privKey"), "own ratchet key, private", KEY_SIZE)
    if public[1:] != public_of(private):
        raise Malformed("the own ratchet keys do not fit")
    chain = _chains(state).get(public)
    if chain is None or chain.get("chainType") != SENDING:
        raise Malformed("no sending chain")
    chain_key = _chain_key(chain)
    if chain_key["Key"] is None:
        raise Malformed("the sending chain has no key")
    return _go_chain(public, private, chain_key, [])


def _receiver_chains(state: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """(receiving chains, the live one last; message keys in those left out)."""
    chains = _chains(state)
    received = {
        key: chain
        for key, chain in chains.items()
        if chain.get("chainType") == RECEIVING
    }
    live = public_key(
        _ratchet(state).get("lastRemoteEphemeralKey"), "remote ratchet key"
    )
    if live in received:
        received[live] = received.pop(live)
    elif state.get("pendingPreKey") is None:
        raise Malformed("no receiving chain")
    keys = list(received)
    read = [
        _go_chain(key, None, _chain_key(received[key]), _message_keys(received[key]))
        for key in keys[-MAX_CHAINS:]
    ]
    left = [received[key].get("messageKeys") for key in keys[:-MAX_CHAINS]]
    return read, sum(len(skipped) for skipped in left if isinstance(skipped, dict))


def _chain_key(chain: dict[str, Any]) -> dict[str, Any]:
    """Go counts the next message, node the last; a chain that ended has no key."""
    chain_key = mapping(chain.get("chainKey"), "chain key")
    index = whole(chain_key.get("counter"), "chain's counter", -1, MAX_UINT32 - 1) + 1
    key = chain_key.get("key")
    if key is not None:
        key = base64_text(binary(key, "chain key", KEY_SIZE))
    return {"Key": key, "Index": index}


def _message_keys(chain: dict[str, Any]) -> list[dict[str, Any]]:
    seeds = mapping(chain.get("messageKeys"), "message keys")
    numbered = sorted((whole(index, "counter"), seed) for index, seed in seeds.items())
    return [
        message_keys(index, binary(seed, "message key", KEY_SIZE))
        for index, seed in numbered[-MAX_MESSAGE_KEYS:]
    ]


def message_keys(index: int, seed: bytes) -> dict[str, Any]:
    """HKDF-SHA256 of the seed without salt: there is no way back to it."""
    block = previous = b""
    extracted = hmac.digest(bytes(32), seed, hashlib.sha256)
    for place in (1, 2, 3):
        message = previous + MESSAGE_KEYS_INFO + bytes([place])
        previous = hmac.digest(extracted, message, hashlib.sha256)
        block += previous
    return {
        "CipherKey": base64_text(block[:32]),
        "MacKey": base64_text(block[32:64]),
        "IV": base64_text(block[64:80]),
        "Index": index,
    }


def _go_chain(
    public: bytes,
    private: bytes | None,
    chain_key: dict[str, Any],
    keys: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "SenderRatchetKeyPublic": base64_text(public),
        "SenderRatchetKeyPrivate": None if private is None else base64_text(private),
        "ChainKey": chain_key,
        "MessageKeys": keys,
    }


# -- two records of one contact --------------------------------------------------------


def merged(sessions: Sequence[OpenSession]) -> OpenSession:
    """The record used last, of those a contact has under its number and its LID.

    Baileys 6.7 may send by number and receive by LID. Where both are copies of one
    session, the sending chain that is further on is kept: a message number used twice
    would be taken for a repetition.
    """
    newest, *others = sorted(sessions, key=lambda session: session.used, reverse=True)
    for other in others:
        ours, theirs = newest.state["SenderChain"], other.state["SenderChain"]
        same = ours["SenderRatchetKeyPublic"] == theirs["SenderRatchetKeyPublic"]
        if same and ours["ChainKey"]["Index"] < theirs["ChainKey"]["Index"]:
            newest.state["SenderChain"] = theirs
    return newest
