"""The sandbox's own keys, kept in its directory so that clients trust it for good."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessions.sandbox.certificates import CertificateAuthority, noise_chain
from sessions.sandbox.keys import KeyPair

KEYS_FILE = "keys.json"
CA_FILE = "ca.pem"


@dataclass(frozen=True, slots=True)
class Keyring:
    authority: CertificateAuthority
    root: KeyPair
    static: KeyPair
    certificate: bytes  # the Noise CertChain for `static`
    token: str
    ca_file: Path

    @classmethod
    def open(cls, directory: Path) -> Keyring:
        """Read the directory's keys, or create them on the first start."""
        path = directory / KEYS_FILE
        now = datetime.now(UTC)
        if not path.exists():
            write_private(path, json.dumps(_create(now)))
        stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        authority = CertificateAuthority.load(
            stored["ca_key"].encode(), stored["ca_certificate"].encode()
        )
        root, intermediate, static = (
            KeyPair.from_private(bytes.fromhex(stored[name]))
            for name in ("root", "intermediate", "static")
        )
        ca_file = directory / CA_FILE
        write_private(ca_file, stored["ca_certificate"])
        chain = noise_chain(root, intermediate, static.public, now)
        return cls(authority, root, static, chain, stored["token"], ca_file)


def write_private(path: Path, text: str) -> None:
    """Replace the file at once, readable by this user only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def _create(now: datetime) -> dict[str, str]:
    authority = CertificateAuthority.create(now)
    names = ("root", "intermediate", "static")
    return {
        "ca_key": authority.key_pem.decode(),
        "ca_certificate": authority.certificate_pem.decode(),
        "token": secrets.token_urlsafe(32),
    } | {name: KeyPair.generate().private.hex() for name in names}
