from __future__ import annotations

import pytest

from sessions.sandbox.connection import HEADER
from sessions.sandbox.keys import KeyPair, verify
from sessions.sandbox.noise import NoiseError, Responder, SymmetricState
from tests.sandbox.initiator import Initiator


@pytest.fixture
def static() -> KeyPair:
    return KeyPair.generate()


def test_both_sides_of_the_handshake_agree(static):
    responder = Responder(static, b"the certificate", HEADER)
    initiator = Initiator()
    answer = responder.answer(initiator.hello())
    key, payload = responder.finish(initiator.finish(answer, b"the payload"))
    assert (key, payload) == (initiator.static.public, b"the payload")
    assert initiator.server_static == static.public
    assert initiator.certificate == b"the certificate"
    server, client = responder.transport(), initiator.transport()
    for text in (b"one", b"two", b""):
        assert server.open(client.seal(text)) == text
        assert client.open(server.seal(text)) == text


def test_another_header_does_not_agree(static):
    responder = Responder(static, b"", HEADER)
    initiator = Initiator(state=SymmetricState(b"WA\x06\x02"))
    answer = responder.answer(initiator.hello())
    with pytest.raises(NoiseError):
        initiator.finish(answer, b"")


def test_a_changed_message_is_noticed(static):
    responder = Responder(static, b"", HEADER)
    initiator = Initiator()
    finish = initiator.finish(responder.answer(initiator.hello()), b"payload")
    with pytest.raises(NoiseError):
        responder.finish(finish[:-1] + bytes([finish[-1] ^ 1]))


@pytest.mark.parametrize("key", [b"", b"short", bytes(32)])
def test_a_bad_public_key_is_refused(static, key):
    responder = Responder(static, b"", HEADER)
    hello = bytes([0x12, len(key) + 2, 0x0A, len(key)]) + key
    with pytest.raises(NoiseError):
        responder.answer(hello)


def test_a_frame_is_opened_once_and_in_order(static):
    responder = Responder(static, b"", HEADER)
    initiator = Initiator()
    responder.finish(initiator.finish(responder.answer(initiator.hello()), b""))
    server, client = responder.transport(), initiator.transport()
    first, second = client.seal(b"first"), client.seal(b"second")
    with pytest.raises(NoiseError):
        server.open(second)
    assert server.open(first) == b"first"
    with pytest.raises(NoiseError):
        server.open(first)


def test_signatures_are_those_of_their_key():
    pair, other = KeyPair.generate(), KeyPair.generate()
    signature = pair.sign(b"message")
    assert verify(pair.public, b"message", signature)
    assert not verify(pair.public, b"another", signature)
    assert not verify(other.public, b"message", signature)


def test_a_key_pair_is_the_same_after_it_was_stored():
    pair = KeyPair.generate()
    assert KeyPair.from_private(pair.private) == pair
