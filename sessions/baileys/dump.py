"""Auth rows of many phones in one JSON file: an array of rows, or a row per line."""

from __future__ import annotations

import codecs
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import ijson
from django.utils.translation import gettext as _

from sessions.baileys import buffer_json
from sessions.baileys.private_file import write_private
from sessions.baileys.source import SourcePhone, SourceRefused, StoredRow, bare, gather
from sessions.baileys.spool import Spool

CHUNK = 65536  # bytes
# Rows of Baileys nest a dozen deep; deeper text only costs memory.
DEEPEST = 64
LARGEST = 32 << 20  # bytes of one row; a few megabytes are the most there are
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",  # what Windows PowerShell makes of `>`
    codecs.BOM_UTF16_BE: "utf-16",
}


def phones(path: str | Path) -> Iterator[SourcePhone]:
    """Read a dump, one phone in memory at a time.

    A row is {organizationId, phoneJid, key, value, createdAt, updatedAt}; of these only
    key and value must be there (the rows of a single phone need no more), and a value
    is JSON or a text that holds it. Raises SourceRefused before the first phone unless
    the whole file could be read.
    """
    try:
        with Path(path).open("rb") as file, Spool() as spool:
            _fill(spool, file)
            for organization, filed_under, rows in spool.phones():
                yield gather(organization, filed_under, rows)
    except OSError as error:
        raise SourceRefused(
            _("The file cannot be read: %(error)s.") % {"error": error.strerror}
        ) from None
    except sqlite3.Error as error:
        raise SourceRefused(
            _("The rows could not be sorted in the temporary folder: %(error)s.")
            % {"error": error}
        ) from None


def write(
    path: str | Path, organization_id: int | str, jid: str, rows: Mapping[str, Any]
) -> None:
    """Write the rows of one phone; the file is whole or not there, and 0600."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entries = [
        {
            "organizationId": organization_id,
            "phoneJid": bare(jid),
            "key": key,
            "value": buffer_json.dumps(value),
            "createdAt": now,
            "updatedAt": now,
        }
        for key, value in rows.items()
    ]
    text = ",\n".join(json.dumps(entry) for entry in entries)
    write_private(Path(path), f"[{text}]\n".encode())


# -- reading --------------------------------------------------------------------------


def _fill(spool: Spool, file: IO[bytes]) -> None:
    for row in _rows(_Reader(file)):
        organization, filed_under = _owner(row)
        spool.add(organization, filed_under, _stored(row))
    if not spool:
        raise SourceRefused(_("The file holds no rows: the table was empty."))
    if not spool.is_baileys:
        raise SourceRefused(_("No row of the file has a key of Baileys, like “creds”."))


def _rows(file: _Reader) -> Iterator[dict[str, Any]]:
    """Objects at the top of the file, or in an array at its top.

    From bare events: ijson's `items` keeps a path for each level, whose memory grows
    with the square of the depth, and a small file of brackets would end the process.
    """
    events = ijson.basic_parse(
        file, buf_size=CHUNK, multiple_values=True, use_float=True
    )
    depth = 0
    builder: ijson.ObjectBuilder | None = None
    seen = False
    try:
        for event, value in events:
            seen = True
            starts, ends = event.startswith("start_"), event.startswith("end_")
            if builder is None and depth <= 1 and event == "start_map":
                builder = ijson.ObjectBuilder()
                top = depth
            elif builder is None and not _around_rows(event, depth):
                raise SourceRefused(_not_rows())
            depth += starts - ends
            if depth > DEEPEST:
                raise SourceRefused(_not_rows())
            if builder is not None:
                builder.event(event, value)
                if depth == top:
                    yield cast("dict[str, Any]", builder.value)
                    builder = None
                    file.row_ended()
    except (ijson.JSONError, UnicodeDecodeError) as error:
        if not seen and "premature EOF" in str(error):
            return
        raise SourceRefused(_not_json(error)) from None


def _around_rows(event: str, depth: int) -> bool:
    """The array around the rows, and the null that json_agg makes of an empty table."""
    if depth == 0:
        return event in {"start_array", "null"}
    return depth == 1 and event == "end_array"


def _owner(row: Mapping[str, Any]) -> tuple[str, str]:
    """(organization, what the row is filed under); empty where the row does not say."""
    if not isinstance(row.get("key"), str) or "value" not in row:
        raise SourceRefused(
            _(
                "The rows are not those of the table “BaileysAuth”: they have the "
                "columns %(columns)s."
            )
            % {"columns": ", ".join(sorted(row)[:8])[:200] or "-"}
        )
    organization, jid = row.get("organizationId"), row.get("phoneJid")
    return _plain(organization), bare(_plain(jid))


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _stored(row: Mapping[str, Any]) -> StoredRow:
    value = row["value"]
    text = value if isinstance(value, str) else json.dumps(value)
    return StoredRow(row["key"], text, _moment(row.get("updatedAt")))


def _moment(value: object) -> datetime | None:
    """Prisma's columns have no zone and hold UTC; a number is JavaScript's."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=moment.tzinfo or UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


class _Reader:
    """A file as UTF-8, that refuses to give more than LARGEST of one row."""

    def __init__(self, file: IO[bytes]) -> None:
        start = file.read(3)
        file.seek(0)
        encoding = next(
            (name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)),
            "",
        )
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)() if encoding else None
        self._since_row = 0

    def row_ended(self) -> None:
        self._since_row = 0

    def read(self, size: int, /) -> bytes:
        self._since_row += size
        if self._since_row > LARGEST:
            raise SourceRefused(_("A row of the file is too large to be of Baileys."))
        if self._decoder is None:
            return self._file.read(size)
        text = ""
        while size and not text:
            chunk = self._file.read(size)
            text = self._decoder.decode(chunk, final=not chunk)
            if not chunk:
                break
        return text.encode()


# The parser's own words would quote the file.


def _not_json(error: Exception) -> str:
    if "premature EOF" in str(error):
        return _("The file ends in the middle of a row: it was not written to its end.")
    return _("The file is not JSON. Run psql with -At, so that it adds nothing.")


def _not_rows() -> str:
    return _("The file is JSON, but not rows of the table “BaileysAuth”.")
