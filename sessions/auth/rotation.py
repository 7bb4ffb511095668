"""After a change of AUTH_KEYS: every token under the newest key, so old ones can go."""

from __future__ import annotations

import json

from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ImproperlyConfigured

from sessions.auth.keys import WRONG_KEYS, configured, fernet
from sessions.models import (
    BaileysAuth,
    BaileysImportPhone,
    PhoneProxy,
    Quarantine,
    Stamp,
)


def reencrypt() -> int:
    """Rewrite what older keys encrypted; how many values that was.

    Hosts may run meanwhile: a row is replaced only while it is still the one that was
    read. Raises ImproperlyConfigured when a value fits none of the keys.
    """
    changed = 0
    rows = BaileysAuth.objects.values_list("pk", "value").order_by("pk")
    for pk, value in rows.iterator():
        if not _is_newest(value):
            changed += BaileysAuth.objects.filter(pk=pk, value=value).update(
                value=_rotated(value)
            )
    for kept in Quarantine.objects.order_by("pk").iterator():
        if not _is_newest(kept.rows):
            changed += Quarantine.objects.filter(pk=kept.pk).update(
                rows=_rotated_rows(kept.rows)
            )
    changed += _reencrypt_uploads()
    for proxy in PhoneProxy.objects.order_by("pk").iterator():
        if not _is_newest(proxy.url_token):
            changed += PhoneProxy.objects.filter(
                pk=proxy.pk, url_token=proxy.url_token
            ).update(url_token=_rotated(proxy.url_token))
    for stamp in Stamp.objects.all():
        if not _is_newest(stamp.key_check):
            changed += Stamp.objects.filter(pk=stamp.pk).update(
                key_check=_rotated(stamp.key_check)
            )
    return changed


def _reencrypt_uploads() -> int:
    """One at a time: the token of a phone has megabytes."""
    changed = 0
    kept = BaileysImportPhone.objects.exclude(rows="")
    for pk in kept.order_by("pk").values_list("pk", flat=True):
        row = kept.filter(pk=pk).first()
        if row is not None and not _is_newest(row.rows):
            changed += kept.filter(pk=pk, rows=row.rows).update(rows=_rotated(row.rows))
    return changed


def _is_newest(token: str) -> bool:
    try:
        Fernet(configured()[0]).decrypt(token)
    except InvalidToken:
        return False
    return True


def _rotated(token: str) -> str:
    try:
        return fernet().rotate(token).decode("ascii")
    except InvalidToken as error:
        raise ImproperlyConfigured(WRONG_KEYS) from error


def _rotated_rows(token: str) -> str:
    """The values inside are tokens too."""
    try:
        tokens = json.loads(fernet().decrypt(token))
    except InvalidToken as error:
        raise ImproperlyConfigured(WRONG_KEYS) from error
    rotated = {key: _rotated(value) for key, value in tokens.items()}
    return fernet().encrypt(json.dumps(rotated).encode()).decode("ascii")
