"""Noise_XX_25519_AESGCM_SHA256, the server's half, and the cipher that follows it."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.sandbox import protobuf
from sessions.sandbox.keys import KeyPair

PROTOCOL = b"Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"

# Fields of HandshakeMessage and of its three parts.
CLIENT_HELLO, SERVER_HELLO, CLIENT_FINISH = 2, 3, 4
EPHEMERAL, STATIC, PAYLOAD = 1, 2, 3
FINISH_STATIC, FINISH_PAYLOAD = 1, 2


class NoiseError(ValueError):
    """The peer's handshake or frame does not fit."""


class SymmetricState:
    """The running hash, chaining key and cipher of a handshake."""

    def __init__(self, prologue: bytes) -> None:
        self._hash = self._chaining_key = PROTOCOL
        self._cipher = AESGCM(PROTOCOL)
        self._counter = 0
        self.authenticate(prologue)

    def authenticate(self, value: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + value).digest()

    def mix_key(self, secret: bytes) -> None:
        self._chaining_key, key = _expand(self._chaining_key, secret)
        self._cipher = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._counter), plaintext, self._hash)
        self._counter += 1
        self.authenticate(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        try:
            plain = self._cipher.decrypt(_nonce(self._counter), sealed, self._hash)
        except InvalidTag as error:
            raise NoiseError("a part of the handshake cannot be decrypted") from error
        self._counter += 1
        self.authenticate(sealed)
        return plain

    def split(self) -> tuple[bytes, bytes]:
        """The two transport keys: the initiator's, the responder's."""
        return _expand(self._chaining_key, b"")


class Transport:
    """Seals and opens frames after the handshake; each direction counts alone."""

    def __init__(self, write_key: bytes, read_key: bytes) -> None:
        self._writer, self._reader = AESGCM(write_key), AESGCM(read_key)
        self._written = self._read = 0

    def seal(self, plaintext: bytes) -> bytes:
        sealed = self._writer.encrypt(_nonce(self._written), plaintext, None)
        self._written += 1
        return sealed

    def open(self, sealed: bytes) -> bytes:
        try:
            plaintext = self._reader.decrypt(_nonce(self._read), sealed, None)
        except InvalidTag as error:
            raise NoiseError("a frame cannot be decrypted") from error
        self._read += 1
        return plaintext


class Responder:
    """The server's side of one handshake."""

    def __init__(self, static: KeyPair, certificate: bytes, prologue: bytes) -> None:
        self._static = static
        self._certificate = certificate
        self._ephemeral = KeyPair.generate()
        self._state = SymmetricState(prologue)

    def answer(self, hello: bytes) -> bytes:
        """Take the client's first message, give the server's."""
        client = protobuf.decode(hello).message(CLIENT_HELLO).bytes(EPHEMERAL)
        self._state.authenticate(client)
        self._state.authenticate(self._ephemeral.public)
        self._mix(self._ephemeral, client)
        static = self._state.encrypt(self._static.public)
        self._mix(self._static, client)
        certificate = self._state.encrypt(self._certificate)
        parts = protobuf.encode(
            [
                (EPHEMERAL, self._ephemeral.public),
                (STATIC, static),
                (PAYLOAD, certificate),
            ]
        )
        return protobuf.encode([(SERVER_HELLO, parts)])

    def finish(self, message: bytes) -> tuple[bytes, bytes]:
        """Take the client's last message: its static key and its payload."""
        parts = protobuf.decode(message).message(CLIENT_FINISH)
        static = self._state.decrypt(parts.bytes(FINISH_STATIC))
        self._mix(self._ephemeral, static)
        return static, self._state.decrypt(parts.bytes(FINISH_PAYLOAD))

    def transport(self) -> Transport:
        client_key, server_key = self._state.split()
        return Transport(write_key=server_key, read_key=client_key)

    def _mix(self, own: KeyPair, public: bytes) -> None:
        try:
            self._state.mix_key(own.agree(public))
        except ValueError as error:
            raise NoiseError("a public key of the handshake is bad") from error


def _expand(salt: bytes, secret: bytes) -> tuple[bytes, bytes]:
    key = HKDF(algorithm=SHA256(), length=64, salt=salt, info=None).derive(secret)
    return key[:32], key[32:]


def _nonce(counter: int) -> bytes:
    return b"\x00" * 8 + counter.to_bytes(4, "big")
