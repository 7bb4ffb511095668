from __future__ import annotations

import json
import ssl
import stat
from datetime import UTC, datetime

import pytest

from sessions.sandbox import protobuf
from sessions.sandbox.certificates import HOST, CertificateAuthority, noise_chain
from sessions.sandbox.keyring import Keyring
from sessions.sandbox.keys import KeyPair, verify

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_tls_is_trusted_by_the_ca_for_one_name_only():
    authority = CertificateAuthority.create(datetime.now(UTC))
    again = CertificateAuthority.load(authority.key_pem, authority.certificate_pem)
    server = again.server_context(datetime.now(UTC))
    client = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    shake_hands(server, client, HOST)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(server, client, "example.org")
    stranger = CertificateAuthority.create(datetime.now(UTC))
    client = ssl.create_default_context(cadata=stranger.certificate_pem.decode())
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client, HOST)


def test_the_noise_chain_is_the_one_clients_check():
    root, intermediate, static = (KeyPair.generate() for _ in range(3))
    chain = protobuf.decode(noise_chain(root, intermediate, static.public, NOW))
    leaf, middle = chain.message(1), chain.message(2)
    assert verify(root.public, middle.bytes(1), middle.bytes(2))
    middle_details = middle.message(1)
    assert middle_details.integer(2) == 0
    assert verify(middle_details.bytes(3), leaf.bytes(1), leaf.bytes(2))
    leaf_details = leaf.message(1)
    assert leaf_details.integer(2) == middle_details.integer(1)
    assert leaf_details.bytes(3) == static.public
    for details in (leaf_details, middle_details):
        assert details.integer(4) < NOW.timestamp() < details.integer(5)


def test_the_keys_stay_in_the_directory_and_are_private(tmp_path):
    first = Keyring.open(tmp_path)
    again = Keyring.open(tmp_path)
    assert (again.root, again.static, again.token) == (
        first.root,
        first.static,
        first.token,
    )
    assert again.ca_file.read_bytes() == first.authority.certificate_pem
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert len(json.loads((tmp_path / "keys.json").read_text())["token"]) >= 32
