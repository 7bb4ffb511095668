"""A Signal session: the JSON of the Go library → libsignal-node's record.

Message keys go back only where `base` still has their seeds: the Go library keeps what
was derived from them. Older states are left behind, for the reason in signal_session.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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
    sequence,
    whole,
)
from sessions.baileys.signal_session import (
    MAX_PREKEY_ID,
    OPEN,
    OURS,
    RECEIVING,
    SENDING,
    THEIRS,
    VERSION,
    message_keys,
)

MAX_INT32 = (1 << 31) - 1
RECORD_VERSION = "v1"


@dataclass(frozen=True)
class NodeSession:
    """record: as libsignal-node serialises it. The counts are of what was lost."""

    record: dict[str, Any]
    closed_states: int
    message_keys: int


def to_node(
    content: object, identity: bytes, bases: Iterable[object], *, now_ms: int
) -> NodeSession:
    """The open state of a Go record; raises Malformed for a broken or foreign one.

    identity: the device's public identity key, 32 bytes. bases: the
    contact's records at the time of the import.
    """
    record = _document(content)
    state = mapping(record.get("SessionState"), "state")
    if binary(state.get("LocalIdentityPublic"), "identity") != KEY_TYPE + identity:
        raise Malformed("session of another identity")
    if state.get("SessionVersion") != VERSION:
        raise Malformed("unknown version of the protocol")
    back = _Back(state, _base_state(bases, state))
    base_key = base64_text(public_key(state.get("SenderBaseKey"), "base key"))
    entry = back.entry(base_key, now_ms)
    return NodeSession(
        {"_sessions": {base_key: entry}, "version": RECORD_VERSION},
        closed_states=len(sequence(record.get("PreviousStates") or [], "states")),
        message_keys=back.lost,
    )


def _document(content: object) -> dict[str, Any]:
    if not isinstance(content, bytes):
        raise Malformed("no session")
    try:
        return mapping(json.loads(content), "session")
    except (ValueError, RecursionError) as error:
        raise Malformed("session is no JSON") from error


def _base_state(bases: Iterable[object], state: Mapping[str, Any]) -> dict[str, Any]:
    """The imported state with the same base key; else an empty one."""
    for record in bases:
        entries = record.get("_sessions") if isinstance(record, dict) else None
        if isinstance(entries, dict):
            found = entries.get(str(state.get("SenderBaseKey")))
            if isinstance(found, dict):
                return found
    return {}


class _Back:
    def __init__(self, state: dict[str, Any], base: dict[str, Any]) -> None:
        self.state, self.base = state, base
        self.lost = 0

    def entry(self, base_key: str, now_ms: int) -> dict[str, Any]:
        pending = self._pending()
        own_public, sending = self._sender_chain()
        # Before the first answer the Go library has a chain on the contact's signed
        # prekey, which libsignal-node does not know.
        received = {} if pending else dict(self._receiver_chains())
        entry = {
            "registrationId": whole(
                self.state.get("RemoteRegistrationID"), "registration id"
            ),
            "currentRatchet": self._ratchet(own_public, base_key),
            "indexInfo": {
                "baseKey": base_key,
                "baseKeyType": OURS if pending else THEIRS,
                "closed": OPEN,
                "used": now_ms,
                "created": now_ms,
                "remoteIdentityKey": base64_text(
                    public_key(self.state.get("RemoteIdentityPublic"), "identity")
                ),
            },
            "_chains": {own_public: sending, **received},
        }
        return entry | ({"pendingPreKey": pending} if pending else {})

    def _ratchet(self, own_public: str, base_key: str) -> dict[str, Any]:
        chain = mapping(self.state.get("SenderChain"), "sending chain")
        private = binary(chain.get("SenderRatchetKeyPrivate"), "ratchet key", KEY_SIZE)
        counter = whole(self.state.get("PreviousCounter"), "counter")
        return {
            "ephemeralKeyPair": {
                "pubKey": own_public,
                "privKey": base64_text(private),
            },
            "lastRemoteEphemeralKey": self._last_remote_key() or base_key,
            "previousCounter": counter
            if counter <= MAX_INT32
            else counter - MAX_UINT32 - 1,
            "rootKey": base64_text(
                binary(self.state.get("RootKey"), "root key", KEY_SIZE)
            ),
        }

    def _last_remote_key(self) -> str:
        """A session that was pending when it was imported has none in the Go record."""
        chains = self._chains()
        if chains:
            public = chains[-1].get("SenderRatchetKeyPublic")
            return base64_text(public_key(public, "ratchet key"))
        ratchet = self.base.get("currentRatchet")
        known = (
            ratchet.get("lastRemoteEphemeralKey") if isinstance(ratchet, dict) else None
        )
        return known if isinstance(known, str) else ""

    def _pending(self) -> dict[str, Any] | None:
        found = self.state.get("PendingPreKey")
        if found is None:
            return None
        fields = mapping(found, "pending prekey")
        signed_id = whole(fields.get("SignedPreKeyID"), "prekey id", 0, MAX_PREKEY_ID)
        pending = {
            "signedKeyId": signed_id,
            "baseKey": base64_text(public_key(fields.get("BaseKey"), "base key")),
        }
        key_id = fields.get("PreKeyID")
        if isinstance(key_id, dict) and not key_id.get("IsEmpty"):
            value = whole(key_id.get("Value"), "prekey id", 0, MAX_PREKEY_ID)
            pending["preKeyId"] = value
        return pending

    # -- chains ------------------------------------------------------------------------

    def _chains(self) -> list[dict[str, Any]]:
        chains = sequence(self.state.get("ReceiverChains") or [], "receiving chains")
        return [mapping(chain, "chain") for chain in chains]

    def _sender_chain(self) -> tuple[str, dict[str, Any]]:
        chain = mapping(self.state.get("SenderChain"), "sending chain")
        public = public_key(chain.get("SenderRatchetKeyPublic"), "ratchet key")
        chain_key = _chain_key(chain)
        if "key" not in chain_key:
            raise Malformed("the sending chain has no key")
        return base64_text(public), _node_chain(SENDING, chain_key, {})

    def _receiver_chains(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for chain in self._chains():
            public = base64_text(
                public_key(chain.get("SenderRatchetKeyPublic"), "ratchet key")
            )
            seeds = self._seeds(public, chain)
            yield public, _node_chain(RECEIVING, _chain_key(chain), seeds)

    def _seeds(self, public: str, chain: dict[str, Any]) -> dict[str, str]:
        """Those of the base from which the chain's message keys derive."""
        known = self.base.get("_chains")
        known = known.get(public) if isinstance(known, dict) else None
        known = known.get("messageKeys") if isinstance(known, dict) else None
        seeds: dict[str, str] = {}
        for keys in sequence(chain.get("MessageKeys") or [], "message keys"):
            index = whole(mapping(keys, "message key").get("Index"), "counter")
            seed = known.get(str(index)) if isinstance(known, dict) else None
            if seed is not None and _derives(keys, index, seed):
                seeds[str(index)] = seed
            else:
                self.lost += 1
        return seeds


def _derives(keys: dict[str, Any], index: int, seed: object) -> bool:
    try:
        derived = message_keys(index, binary(seed, "seed", KEY_SIZE))
    except Malformed:
        return False
    return bool(keys.get("CipherKey") == derived["CipherKey"])


def _chain_key(chain: dict[str, Any]) -> dict[str, Any]:
    """Node counts the last message, Go the next; a chain that ended has no key."""
    chain_key = mapping(chain.get("ChainKey"), "chain key")
    counted = {"counter": whole(chain_key.get("Index"), "chain's counter") - 1}
    if not chain_key.get("Key"):
        return counted
    key = binary(chain_key.get("Key"), "chain key", KEY_SIZE)
    return counted | {"key": base64_text(key)}


def _node_chain(
    kind: int, chain_key: dict[str, Any], seeds: dict[str, str]
) -> dict[str, Any]:
    return {"chainKey": chain_key, "chainType": kind, "messageKeys": seeds}
