"""Sources to import from, made up; and what an import left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from phones.models import AuditEntry, OrganizationPhone
from sessions.baileys import dump
from sessions.models import BaileysAuth, SessionFacts, Wish
from tests.baileys_records.made_up import made_up_rows

FIRST, SECOND, THIRD = "77054810862", "77054810863", "4915112345678"


def jid_of(number: str, device: int = 12) -> str:
    return f"{number}:{device}@s.whatsapp.net"


def rows_of(number: str, **changes: Any) -> dict[str, Any]:
    return made_up_rows(number, sessions=4, prekeys=10) | changes


def write_dump(path: Path, *phones: tuple[str, dict[str, Any], str]) -> Path:
    """A file with the rows of phones: (number, rows, id of its organization)."""
    entries = []
    for number, rows, organization in phones:
        dump.write(path, organization, number, rows)
        entries += json.loads(path.read_text())
    path.write_text(json.dumps(entries))
    return path


def damaged(rows: dict[str, Any]) -> dict[str, Any]:
    """The device's own noise key is cut."""
    creds = {**rows["creds"], "noiseKey": {"private": b"short", "public": b"short"}}
    return {**rows, "creds": creds}


def phone_of(number: str) -> OrganizationPhone:
    return OrganizationPhone.objects.get(phone_number=number)


def facts_of(number: str) -> SessionFacts:
    return SessionFacts.objects.get(phone__phone_number=number)


def keys_of(number: str) -> dict[str, str]:
    """Key → encrypted value of the phone's rows."""
    rows = BaileysAuth.objects.of(phone_of(number))
    return dict(rows.values_list("key", "value"))


def everything() -> tuple[object, ...]:
    """All that an import may write."""
    return (
        list(OrganizationPhone.objects.order_by("pk").values()),
        list(BaileysAuth.objects.order_by("pk").values()),
        list(SessionFacts.objects.order_by("pk").values()),
        list(Wish.objects.order_by("pk").values()),
        AuditEntry.objects.count(),
    )
