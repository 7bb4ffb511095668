"""Uploaded Baileys records: kept encrypted, checked, then taken over phone by phone.

Every step is one phone and saves what came of it, so a page may ask for steps one after
another, and whoever opens it later goes on where the last one stopped.
"""

from __future__ import annotations

import logging
import re
import traceback
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.numbers import mask_number, parse_number
from sessions.auth.adoption import Adopted, adopt
from sessions.auth.adoption_outlook import Fate, judge, phone_of
from sessions.auth.adoption_plan import Plan, plan
from sessions.auth.keys import fernet
from sessions.baileys import buffer_json
from sessions.baileys.source import SourcePhone
from sessions.models import BaileysImport, BaileysImportPhone
from sessions.policy.auth_findings import Verdict

if TYPE_CHECKING:
    from phones.models.organization import Person

logger = logging.getLogger(__name__)

Outcome = BaileysImportPhone.Outcome
USER = re.compile(r"\d{5,20}")  # a number or a LID inside the name of a row


class UploadRefused(Exception):
    """Nothing of the file can be taken over; the message is a sentence."""


def store(
    upload: BaileysImport,
    phones: Iterable[SourcePhone],
    lid_map: Mapping[str, str],
    size: int,
) -> list[str]:
    """Save `upload` and each phone of its file; the numbers that came a second time.

    One short transaction per phone: on SQLite a long one would stop every session from
    saving its keys. Raises UploadRefused or SourceRefused, and then keeps nothing.
    """
    doubles = []
    upload.save()
    try:
        for source in phones:
            number = _storable(source.number)[:20]
            if upload.phones.filter(phone_number=number).exists():
                doubles.append(number)
                continue
            _store_phone(upload, source, number, lid_map)
        if not upload.phones.exists():
            raise UploadRefused(_("This file holds no phone."))
    except BaseException:
        upload.delete()
        raise
    upload.file_size = size
    upload.save(update_fields=["file_size"])
    return doubles


def _store_phone(
    upload: BaileysImport, source: SourcePhone, number: str, lid_map: Mapping[str, str]
) -> None:
    newest = max(source.updated.values(), default=None)
    row = BaileysImportPhone(
        of=upload,
        phone_number=number,
        summary={
            "source": _storable(source.organization)[:200],
            "newest": newest.isoformat() if newest is not None else "",
        },
    )
    try:
        row.rows = _sealed(source, lid_map)
    except (ValueError, TypeError, RecursionError):
        row.verdict, row.outcome = Verdict.BROKEN, Outcome.REFUSED
        row.reason = _("The rows of this phone hold values that no JSON can hold.")
    row.save()


def pending(upload: BaileysImport) -> models.QuerySet[BaileysImportPhone]:
    """Phones that wait for a step: not checked yet, or chosen and not taken over."""
    undone = models.Q(verdict="") | models.Q(outcome=Outcome.CHOSEN)
    return _kept(upload).filter(undone)


def step(row: BaileysImportPhone, user: Person | None) -> None:
    """Check one phone, or take it over. Whatever its rows hold, this ends."""
    try:
        planned = plan(*_opened(row.rows))
        if row.verdict:
            _take(row, planned, user)
        else:
            _note_check(row, planned)
    except DatabaseError:
        raise  # says nothing of the phone: its rows stay for the next step
    except ValidationError as error:
        _refuse(row, " ".join(error.messages))
    except InvalidToken:
        _refuse(row, _("AUTH_KEYS has changed since the upload: upload it again."))
    except Exception as error:
        # Not the message: it may quote a row, and their names are numbers of contacts.
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.error(
            "upload's phone failed import=%s phone=%s error=%s at=%s:%s",
            row.of_id,
            mask_number(row.phone_number),
            type(error).__name__,
            place.filename,
            place.lineno,
        )
        _refuse(row, _("This phone could not be read; the web server's log says why."))


def choose(upload: BaileysImport, ids: Iterable[int]) -> int:
    """A person wants these phones taken over; how many of them can be."""
    return offered(upload).filter(pk__in=list(ids)).update(outcome=Outcome.CHOSEN)


def offered(upload: BaileysImport) -> models.QuerySet[BaileysImportPhone]:
    """Phones that may be chosen."""
    return (
        _kept(upload)
        .filter(outcome=Outcome.WAITING)
        .exclude(verdict__in=("", Verdict.BROKEN))
    )


def _kept(upload: BaileysImport) -> models.QuerySet[BaileysImportPhone]:
    """Phones whose rows are there; also when nobody deletes what has expired."""
    if upload.expires_at <= timezone.now():
        return BaileysImportPhone.objects.none()
    return upload.phones.exclude(rows="").order_by("pk")


def _note_check(row: BaileysImportPhone, plan: Plan) -> None:
    broken = plan.verdict == Verdict.BROKEN or plan.conversion is None
    fields: dict[str, Any] = {"reason": _why_not_now(row, plan)}
    if broken:
        fields = {"rows": "", "outcome": Outcome.REFUSED}
    _rows(row).filter(verdict="").update(
        verdict=Verdict.BROKEN if broken else plan.verdict,
        findings=_storable(plan.findings_as_json()),
        summary=_storable({**row.summary, **plan.summary()}),
        **fields,
    )


def _why_not_now(row: BaileysImportPhone, plan: Plan) -> str:
    """What a take-over would be refused for at this moment; it may pass."""
    number = parse_number(plan.number)
    outlook = judge(plan, phone_of(row.of.organization, number), number)
    if outlook.fate == Fate.ALREADY_HERE:
        return _("It was taken over before: there is nothing left to do.")
    return outlook.reason


def _take(row: BaileysImportPhone, plan: Plan, user: Person | None) -> None:
    result = adopt(plan, row.of.organization, user, start=True)
    if isinstance(result, Adopted):
        # Also over the refusal of a second page that asked for the phone meanwhile.
        _rows(row).update(
            outcome=Outcome.IMPORTED, rows="", reason="", phone_id=result.phone.pk
        )
    elif result.scan_needed:
        _refuse(row, result.reason)
    else:
        # The reason may pass, so the rows stay until the upload expires.
        _rows(row).filter(outcome=Outcome.CHOSEN).update(
            outcome=Outcome.WAITING, reason=result.reason
        )


def _refuse(row: BaileysImportPhone, reason: str) -> None:
    _rows(row).exclude(outcome=Outcome.IMPORTED).update(
        verdict=Verdict.BROKEN, outcome=Outcome.REFUSED, rows="", reason=reason
    )


def _rows(row: BaileysImportPhone) -> models.QuerySet[BaileysImportPhone]:
    return BaileysImportPhone.objects.filter(pk=row.pk)


def expiry() -> datetime:
    return timezone.now() + settings.WHATSAPP_IMPORT_KEPT


def _sealed(source: SourcePhone, lid_map: Mapping[str, str]) -> str:
    known = {user for key in source.rows for user in USER.findall(key)}
    lids = {
        number: lid
        for number, lid in lid_map.items()
        if number in known or lid in known or number == source.number
    }
    updated = {key: at.isoformat() for key, at in source.updated.items()}
    text = buffer_json.dumps({**vars(source), "updated": updated, "lids": lids})
    packed = zlib.compress(text.encode("utf-8", "surrogatepass"), 1)
    return fernet().encrypt(packed).decode("ascii")


def _opened(token: str) -> tuple[SourcePhone, dict[str, str]]:
    """Raises InvalidToken when AUTH_KEYS does not open it any more."""
    fields = buffer_json.loads(zlib.decompress(fernet().decrypt(token)))
    lids = fields.pop("lids")
    updated = fields.pop("updated")
    at = {key: datetime.fromisoformat(moment) for key, moment in updated.items()}
    return SourcePhone(**fields, updated=at), lids


def _storable(value: Any) -> Any:
    """`value` with texts that PostgreSQL takes: no NUL, no half of a surrogate pair."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value
