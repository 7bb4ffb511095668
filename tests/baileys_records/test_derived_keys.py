"""Keys of single messages, by another implementation of HKDF."""

from __future__ import annotations

from base64 import b64decode

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from sessions.baileys.sender_key import read_states
from sessions.baileys.signal_session import message_keys


def derived(seed, info, size):
    return HKDF(SHA256(), size, salt=bytes(32), info=info).derive(seed)


@given(seed=st.binary(min_size=32, max_size=32))
def test_a_message_key_of_a_session(seed):
    keys = message_keys(7, seed)
    assert list(keys) == ["CipherKey", "MacKey", "IV", "Index"]
    parts = b"".join(b64decode(keys[name]) for name in ("CipherKey", "MacKey", "IV"))
    assert parts == derived(seed, b"WhisperMessageKeys", 80)
    assert keys["Index"] == 7


@given(seed=st.binary(min_size=32, max_size=32))
def test_a_message_key_of_a_group(seed):
    state = {
        "senderKeyId": 1,
        "senderChainKey": {"iteration": 4, "seed": bytes(32)},
        "senderSigningKey": {"public": b"\x05" + bytes(32)},
        "senderMessageKeys": [{"iteration": 2, "seed": seed}],
    }
    ((key,),) = (state["Keys"] for state in read_states([state]))
    parts = b64decode(key["IV"]) + b64decode(key["CipherKey"])
    assert parts == derived(seed, b"WhisperGroup", 48)
    assert b64decode(key["Seed"]) == seed
