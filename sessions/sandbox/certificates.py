"""What makes clients trust the sandbox: a TLS certificate for WhatsApp's name under a
CA of our own, and a Noise certificate chain under a root key of our own."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sessions.sandbox import protobuf
from sessions.sandbox.keys import KeyPair

HOST = "web.whatsapp.com"
LIFETIME = timedelta(days=3650)
CLOCK_SKEW = timedelta(days=1)

# Serial numbers of the Noise chain; the client insists on a root of serial 0.
ROOT_SERIAL, INTERMEDIATE_SERIAL, LEAF_SERIAL = 0, 1, 2


class CertificateAuthority:
    """A TLS CA that lives as long as the sandbox's directory."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, now: datetime) -> CertificateAuthority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Switchboard sandbox CA")
        certificate = (
            _builder(name, key.public_key(), name, key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def load(cls, key_pem: bytes, certificate_pem: bytes) -> CertificateAuthority:
        """Raises ValueError if either is not what `key_pem`, `certificate_pem` gave."""
        key = serialization.load_pem_private_key(key_pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the sandbox's CA key is not an elliptic curve key")
        return cls(key, x509.load_pem_x509_certificate(certificate_pem))

    @property
    def certificate_pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return _key_pem(self._key)

    def server_context(self, now: datetime) -> ssl.SSLContext:
        """A TLS context that answers as WhatsApp, with a fresh leaf certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, issuer_key = self._certificate.subject, self._key.public_key()
        leaf = (
            _builder(_name(HOST), key.public_key(), issuer, issuer_key, now)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False
            )
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The ssl module reads certificates from files only.
        with tempfile.NamedTemporaryFile() as chain:
            pem = leaf.public_bytes(serialization.Encoding.PEM)
            chain.write(pem + _key_pem(key))
            chain.flush()
            context.load_cert_chain(chain.name)
        return context


def noise_chain(
    root: KeyPair, intermediate: KeyPair, leaf: bytes, now: datetime
) -> bytes:
    """The CertChain message that proves the static key `leaf` to the client."""
    links = (
        (1, LEAF_SERIAL, INTERMEDIATE_SERIAL, leaf, intermediate),
        (2, INTERMEDIATE_SERIAL, ROOT_SERIAL, intermediate.public, root),
    )
    chain: list[tuple[int, protobuf.Value]] = []
    for field, serial, issuer_serial, key, issuer in links:
        details = protobuf.encode(
            [
                (1, serial),
                (2, issuer_serial),
                (3, key),
                (4, int((now - CLOCK_SKEW).timestamp())),
                (5, int((now + LIFETIME).timestamp())),
            ]
        )
        signed = protobuf.encode([(1, details), (2, issuer.sign(details))])
        chain.append((field, signed))
    return protobuf.encode(chain)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.CertificateBuilder:
    # Strict verifiers want both key identifiers.
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - CLOCK_SKEW)
        .not_valid_after(now.astimezone(UTC) + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
        .add_extension(issued_by, False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
