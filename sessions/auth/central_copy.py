"""Reading and writing the rows of BaileysAuth, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from cryptography.fernet import InvalidToken
from django.db.models import Count, QuerySet
from django.utils import timezone

from phones.models import OrganizationPhone
from phones.numbers import bare_key
from sessions.auth.errors import BrokenStore
from sessions.auth.keys import fernet
from sessions.auth.rows import Row, decode_row
from sessions.models import BaileysAuth, PhoneLease
from sessions.policy.auth_checks import found
from sessions.policy.auth_findings import Finding

PAGE = 1000  # rows in one query
DELETE_CHUNK = 500  # keys in one statement; older SQLites allow 999 parameters


def rows_of(organization_id: int, jid: str) -> QuerySet[BaileysAuth]:
    """The rows of one device; `jid` may be full or bare."""
    return BaileysAuth.objects.filter(
        organization_id=organization_id, phone_jid=bare_key(jid)
    )


class Extent(NamedTuple):
    """How many rows there are, and the number of the last change among them."""

    rows: int
    sequence: int


def extents_of(phones: Collection[OrganizationPhone]) -> dict[int, Extent]:
    """What is copied of each phone, by its id: two queries, however many there are.

    A copy that is made between the two makes an extent that no file has.
    """
    rows = BaileysAuth.objects.filter(phone_jid__in={p.auth_key for p in phones})
    counted = {
        (organization_id, key): count
        for organization_id, key, count in rows.order_by()
        .values_list("organization_id", "phone_jid")
        .annotate(Count("pk"))
    }
    leases = PhoneLease.objects.filter(phone__in=phones)
    sequences = dict(leases.values_list("phone_id", "auth_sequence"))
    return {
        phone.pk: Extent(
            counted.get((phone.organization_id, phone.auth_key), 0), sequences[phone.pk]
        )
        for phone in phones
        if phone.pk in sequences
    }


def encrypted(
    organization_id: int, jid: str, rows: Mapping[str, bytes]
) -> list[BaileysAuth]:
    """Unsaved rows; slow enough to be done before a row lock is taken."""
    cipher = fernet()
    return sealed(
        organization_id,
        bare_key(jid),
        {key: cipher.encrypt(row).decode("ascii") for key, row in rows.items()},
    )


def sealed(
    organization_id: int, bare: str, tokens: Mapping[str, str]
) -> list[BaileysAuth]:
    """Unsaved rows of values that are encrypted already."""
    now = timezone.now()
    return [
        BaileysAuth(
            organization_id=organization_id,
            phone_jid=bare,
            key=key,
            value=token,
            created_at=now,
            updated_at=now,
        )
        for key, token in tokens.items()
    ]


def write(rows: list[BaileysAuth]) -> None:
    """Insert them, or give those that exist their new value."""
    BaileysAuth.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["organization_id", "phone_jid", "key"],
        update_fields=["value", "updated_at"],
    )


def delete(rows: QuerySet[BaileysAuth], keys: Iterable[str]) -> None:
    listed = list(keys)
    for start in range(0, len(listed), DELETE_CHUNK):
        rows.filter(key__in=listed[start : start + DELETE_CHUNK]).delete()


def decrypted(rows: QuerySet[BaileysAuth]) -> Iterator[tuple[str, Row]]:
    """(table, row) of each; raises BrokenStore for a value that is none of ours."""
    for read in readable(rows):
        if isinstance(read, Finding):
            raise BrokenStore(read)
        yield read


def readable(rows: QuerySet[BaileysAuth]) -> Iterator[tuple[str, Row] | Finding]:
    """(table, row) of each, or what is wrong with its value."""
    cipher = fernet()
    for key, value in _in_pages(rows):
        try:
            yield decode_row(cipher.decrypt(value))
        except InvalidToken:
            yield found("w15", row=key.split("-")[0])
        except ValueError:
            yield found("w16", row=key.split("-")[0])


def _in_pages(rows: QuerySet[BaileysAuth]) -> Iterator[tuple[str, str]]:
    """Key and value, in the order they were written.

    Each page is a query of its own. An open cursor of a reader that gave up is closed
    whenever its memory is freed; psycopg waits for ever if that is within a query.
    """
    last = 0
    while page := list(
        rows.filter(pk__gt=last).order_by("pk").values_list("pk", "key", "value")[:PAGE]
    ):
        for _, key, value in page:
            yield key, value
        last = page[-1][0]
