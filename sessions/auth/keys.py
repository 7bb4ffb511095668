"""AUTH_KEYS: what encrypts the durable copy, and the check that they fit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.env import kept_secret

CHECK = b"switchboard"
KEY_FILE = "auth_keys"
WRONG_KEYS = (
    "AUTH_KEYS does not fit this database: the phones' keys in it were encrypted with "
    "another key. Give the former value (several keys are separated by commas, the "
    "newest first), or use the DATA_DIR that belongs to this database."
)


def fernet() -> MultiFernet:
    """Encrypts with the newest key and reads tokens of all of them.

    Raises ImproperlyConfigured when there is no key.
    """
    keys = configured()
    if not keys:
        raise ImproperlyConfigured(
            f"AUTH_KEYS is not set and {settings.DATA_DIR / KEY_FILE} does not exist: "
            "the phones' keys cannot be read. Put the file back, or set AUTH_KEYS."
        )
    return _multi_fernet(keys)


def configured() -> tuple[str, ...]:
    """The keys, newest first; empty when an embedded database has none yet."""
    if settings.AUTH_KEYS:
        return tuple(settings.AUTH_KEYS)
    # The file may have been generated after the settings were read.
    path = settings.DATA_DIR / KEY_FILE
    if settings.EMBEDDED and path.exists():
        return tuple(path.read_text().split())
    return ()


@lru_cache(maxsize=4)
def _multi_fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def ensure_stamp(registry: Any = apps) -> None:
    """Write the realm and the key check once; an existing stamp is left alone.

    An embedded database without encrypted rows gets a key generated into DATA_DIR.
    `registry` is the app registry, in a migration the historical one. Raises
    ImproperlyConfigured when encrypted rows exist and the keys do not open them.
    """
    stamps = registry.get_model("phone_sessions", "Stamp").objects
    if stamps.exists():
        return
    token = _any_token(registry)
    if token is None and settings.EMBEDDED and not configured():
        kept_secret(settings.DATA_DIR / KEY_FILE, Fernet.generate_key().decode())
    if token is not None:
        _decrypt(token)
    stamps.get_or_create(
        pk=1,
        defaults={
            "realm": settings.WHATSAPP_REALM,
            "key_check": fernet().encrypt(CHECK).decode(),
        },
    )


def check_stamp() -> None:
    """Raises ImproperlyConfigured when keys or realm do not fit the database."""
    stamp = apps.get_model("phone_sessions", "Stamp").objects.order_by("pk").first()
    if stamp is None:
        raise ImproperlyConfigured(
            "This database has no stamp: run `python manage.py migrate` first."
        )
    if stamp.realm != settings.WHATSAPP_REALM:
        raise ImproperlyConfigured(
            f"This database belongs to the realm '{stamp.realm}', WHATSAPP_REALM says "
            f"'{settings.WHATSAPP_REALM}'. Sandbox phones and real phones never share "
            "a database: set WHATSAPP_REALM back, or give another DATABASE_URL."
        )
    if _decrypt(stamp.key_check) != CHECK:
        raise ImproperlyConfigured(WRONG_KEYS)


def _any_token(registry: Any) -> str | None:
    """One encrypted value of the database; None when it holds none."""
    for name, column in (("BaileysAuth", "value"), ("Quarantine", "rows")):
        rows = registry.get_model("phone_sessions", name).objects
        token: str | None = rows.values_list(column, flat=True).first()
        if token is not None:
            return token
    return None


def _decrypt(token: str) -> bytes:
    try:
        return fernet().decrypt(token)
    except InvalidToken as error:
        raise ImproperlyConfigured(WRONG_KEYS) from error
