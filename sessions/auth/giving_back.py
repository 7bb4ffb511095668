"""Giving a stopped phone back to a Baileys server.

The keys are read, converted and written out under the lock of the phone's lease row,
and the phone is held in the same transaction: from then on ours are a copy.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.models import OrganizationPhone, Status
from sessions.auth import central_copy
from sessions.auth.adoption import leave_trace, lock_lease, write_facts
from sessions.auth.errors import AuthStoreError, BrokenStore
from sessions.auth.open_store import is_newest, locked
from sessions.auth.ratchets import leapt_session
from sessions.auth.rebuild import PREKEY_LEAP, private_key
from sessions.auth.rows import Row, decode_row
from sessions.auth.store_file import StoreFile
from sessions.baileys.conversion import NotConvertible
from sessions.baileys.from_whatsmeow import convert_back
from sessions.host.paths import PhonePaths
from sessions.models import BaileysAuth, PhoneLease, SessionFacts, Wish
from sessions.policy.auth_check_texts import sentence
from sessions.policy.causes import EXPORTED

if TYPE_CHECKING:
    from phones.models.organization import Person

logger = logging.getLogger(__name__)

SESSIONS = "whatsmeow_sessions"
PREKEYS = "whatsmeow_pre_keys"
WriteOut = Callable[[dict[str, Any]], object]


class NotGivenBack(AuthStoreError):
    """The phone cannot be exported now; the message says the next step."""


@dataclass(frozen=True)
class GivenBack:
    """What was written out. lost: counts by what cannot go back.

    from_copy: the store file of this server was not the newest, the central copy was
    used; each session then leaps over message numbers, as at a takeover.
    """

    rows: int
    lost: Counter[str]
    from_copy: bool


def give_back(
    phone: OrganizationPhone,
    write_out: WriteOut,
    user: Person | None = None,
    *,
    base: Mapping[str, Any] | None = None,
) -> GivenBack:
    """Hand the phone's rows, as Baileys has them, to `write_out`; then hold the phone.

    base: the decoded rows that were imported; they bring back what whatsmeow does not
    keep. Nothing changes here when `write_out` raises. Raises NotGivenBack, StoreInUse,
    StoreUnavailable, WrongRealm or BrokenStore.
    """
    with transaction.atomic():
        lease = lock_lease(phone)
        if reason := _why_not(phone):
            raise NotGivenBack(reason)
        rows, from_copy = _newest_rows(phone, lease)
        try:
            back = convert_back(rows, base=base)
        except NotConvertible as failure:
            raise NotGivenBack(sentence(failure.finding)) from failure
        write_out(back.rows)
        _hold(phone, user, rows=len(back.rows))
    logger.info("phone given back phone=%s rows=%d", phone.masked, len(back.rows))
    return GivenBack(len(back.rows), back.lost, from_copy)


def is_being_let_go(phone: OrganizationPhone) -> bool:
    """Is it stopped by a person's wish while a server still has it."""
    wished = Wish.objects.filter(phone=phone, desired=Wish.Desired.RUN).exists()
    return not wished and PhoneLease.objects.current().filter(phone=phone).exists()


def _why_not(phone: OrganizationPhone) -> str:
    if not SessionFacts.objects.filter(phone=phone, linked=True).exists():
        return _("This phone is not linked: there is nothing to export.")
    if Wish.objects.filter(phone=phone, desired=Wish.Desired.RUN).exists():
        return _("It runs, or is to run: first `manage.py stop %(phone)s`.") % {
            "phone": phone.pk
        }
    if PhoneLease.objects.current().filter(phone=phone).exists():
        return _("A server still has this phone; try again in a minute.")
    return ""


def _newest_rows(
    phone: OrganizationPhone, lease: PhoneLease
) -> tuple[list[tuple[str, Row]], bool]:
    """Every row of the phone's store, and whether the central copy was used."""
    path = PhonePaths.of(phone.pk).store
    with locked(path):
        found = _rows_of_file(path, phone, lease)
        if found is not None:
            return found, False
        return _rows_of_copy(phone), True


def _rows_of_file(
    path: Path, phone: OrganizationPhone, lease: PhoneLease
) -> list[tuple[str, Row]] | None:
    """None when there is no sound file here, or a newer one elsewhere."""
    if not path.exists():
        return None
    store = StoreFile(path)
    try:
        if is_newest(store, phone, lease):
            return [decode_row(row) for row in store.snapshot().rows.values()]
    except BrokenStore as error:
        logger.warning(
            "store file broken, using the copy phone=%s why=%s", phone.masked, error
        )
    finally:
        store.close()
    return None


def _rows_of_copy(phone: OrganizationPhone) -> list[tuple[str, Row]]:
    """The copy may be a second old: what is used once only leaps, as in a rebuild."""
    copied = BaileysAuth.objects.of(phone)
    if not copied.exists():
        raise NotGivenBack(
            _("This phone has no keys in the database: there is nothing to export.")
        )
    rows: list[tuple[str, Row]] = []
    highest: Row = {"key_id": 0}
    for table, row in central_copy.decrypted(copied):
        if table == SESSIONS and isinstance(row["session"], bytes):
            try:
                row["session"] = leapt_session(row["session"])
            except (ValueError, KeyError, TypeError):
                logger.warning("broken session left out phone=%s", phone.masked)
                continue
        elif table == PREKEYS:
            row["uploaded"] = 1
            highest = max(highest, row, key=_prekey_id)
        rows.append((table, row))
    if "jid" in highest:
        leapt = _prekey_id(highest) + PREKEY_LEAP
        far: Row = {"key_id": leapt, "key": private_key(), "uploaded": 0}
        rows.append((PREKEYS, {**highest, **far}))
    return rows


def _prekey_id(row: Row) -> int:
    number = row["key_id"]
    return number if isinstance(number, int) else 0


def _hold(phone: OrganizationPhone, user: Person | None, *, rows: int) -> None:
    generation = Wish.objects.want(phone, user, desired=Wish.Desired.STOP, held=True)
    write_facts(
        phone,
        Status.HELD,
        EXPORTED,
        {"time": timezone.now().isoformat()},
        facts={"rule": "", "next_at": None, "seen_generation": generation},
    )
    leave_trace("export_baileys", phone, user, rows=rows)
