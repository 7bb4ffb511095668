"""Keys that must not be used any more, kept encrypted for some days."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils import timezone

from phones.models import OrganizationPhone
from sessions.auth import central_copy
from sessions.auth.errors import AuthStoreError, KeysExist
from sessions.auth.keys import fernet
from sessions.auth.open_store import forget_copy
from sessions.auth.rebuild import discard
from sessions.auth.rows import decode_row
from sessions.host.paths import PhonePaths
from sessions.models import BaileysAuth, Fence, PhoneLease, Quarantine, fenced_write

logger = logging.getLogger(__name__)


class NotPutBack(AuthStoreError):
    """These keys may not be used again."""


def wipe(
    phone: OrganizationPhone,
    fence: Fence,
    *,
    reason: str,
    logged_out: bool,
    user_id: int | None = None,
    store: Path | None = None,
) -> Quarantine | None:
    """Move the phone's keys to the quarantine, in one transaction; None if it had none.

    The session process has ended. Its store file (`store`, by default where this host
    keeps it) goes too, before the commit: a crash between the two would let a file that
    was cleared win the next start; a file lost with the transaction undone is only
    rebuilt from the copy. `logged_out`: dead for WhatsApp, never to be put back.
    Raises LeaseLost.
    """
    with fenced_write(fence):
        kept = _keep(phone, reason=reason, logged_out=logged_out, user_id=user_id)
        BaileysAuth.objects.of(phone).delete()
        forget_copy(fence)
        discard(store or PhonePaths.of(phone.pk).store)
    logger.info(
        "keys wiped phone=%s rows=%d reason=%s",
        phone.masked,
        kept.row_count if kept is not None else 0,
        reason,
    )
    return kept


def _keep(
    phone: OrganizationPhone, *, reason: str, logged_out: bool, user_id: int | None
) -> Quarantine | None:
    tokens = dict(BaileysAuth.objects.of(phone).values_list("key", "value"))
    if not tokens:
        return None
    now = timezone.now()
    return Quarantine.objects.create(
        organization_id=phone.organization_id,
        phone=phone,
        phone_jid=phone.auth_key,
        reason=reason,
        logged_out=logged_out,
        user_id=user_id,
        at=now,
        purge_at=now + settings.WHATSAPP_QUARANTINE,
        auth_sequence=PhoneLease.objects.get(pk=phone.pk).auth_sequence,
        row_count=len(tokens),
        rows=fernet().encrypt(json.dumps(tokens).encode()).decode("ascii"),
    )


def put_back(kept: Quarantine, phone: OrganizationPhone, fence: Fence) -> None:
    """Undo a wipe of keys that WhatsApp still accepts; the next start uses them.

    Raises NotPutBack with a sentence, KeysExist or LeaseLost.
    """
    if kept.logged_out:
        raise NotPutBack("WhatsApp has ended this device: link the phone again.")
    if (kept.organization_id, kept.phone_id) != (phone.organization_id, phone.pk):
        raise NotPutBack("These keys belong to another phone.")
    tokens = _tokens(kept)
    rows = central_copy.sealed(phone.organization_id, kept.phone_jid, tokens)
    with fenced_write(fence):
        if BaileysAuth.objects.of(phone).exists():
            raise KeysExist("This phone has keys already.")
        if Quarantine.objects.filter(pk=kept.pk).delete()[0] != 1:
            raise NotPutBack("These keys were purged or put back meanwhile.")
        central_copy.write(rows)
        PhoneLease.objects.filter(pk=phone.pk).update(
            auth_sequence=max(kept.auth_sequence, 1), auth_epoch=fence.epoch
        )
    logger.info("keys put back phone=%s rows=%d", phone.masked, len(rows))


def device_jid(kept: Quarantine) -> str:
    """The full JID of the device whose keys these are; raises NotPutBack."""
    try:
        _, row = decode_row(fernet().decrypt(_tokens(kept)["creds"]))
        return str(row["jid"], "ascii")  # type: ignore[arg-type]
    except (KeyError, ValueError, TypeError, InvalidToken) as error:
        raise NotPutBack("There is no device among these keys.") from error


def _tokens(kept: Quarantine) -> dict[str, str]:
    try:
        tokens: dict[str, str] = json.loads(fernet().decrypt(kept.rows))
    except InvalidToken as error:
        raise NotPutBack(
            "These keys were encrypted with a key that is not in AUTH_KEYS any more."
        ) from error
    return tokens


def purge(now: datetime) -> int:
    """Delete what was kept long enough; how many wipes that was."""
    return Quarantine.objects.filter(purge_at__lte=now).delete()[0]
