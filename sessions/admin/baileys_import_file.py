"""An uploaded file and the phones in it: a dump as JSON, or a zip of auth folders."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from sessions.baileys import dump, folder
from sessions.baileys.source import SourcePhone, SourceRefused

MEGABYTE = 1024 * 1024
MOST_BYTES = 256 * MEGABYTE  # of an upload, and of all that a zip holds
MOST_BYTES_OF_A_FILE = 64 * MEGABYTE  # in a zip
MOST_FILES = 300_000  # in a zip; a phone has some 1,000
CREDS = "creds.json"
CHUNK = 64 * 1024
# What zips from everywhere use; the rest of zipfile's methods unpacks slowly.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1  # a flag of a file in a zip
UT = 0x5455  # Info-ZIP's extra field "extended timestamp"
DUMP = "dump.json"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error)


@contextmanager
def unpacked(upload: UploadedFile[bytes]) -> Iterator[Iterator[SourcePhone]]:
    """The phones of an upload, one at a time; what was unpacked is gone afterwards.

    Raises SourceRefused with a sentence, here or while the phones are read.
    """
    with TemporaryDirectory(prefix="switchboard-") as name:
        directory = Path(name)
        upload.seek(0)
        if zipfile.is_zipfile(upload):
            yield _from_zip(upload, directory)
        else:
            path = directory / DUMP
            with path.open("wb") as file:
                for chunk in upload.chunks(CHUNK):
                    file.write(chunk)
            yield dump.phones(path)


def _from_zip(upload: UploadedFile[bytes], directory: Path) -> Iterator[SourcePhone]:
    try:
        with zipfile.ZipFile(upload) as archive:
            members = _members(archive)
            folders = {
                member.parent for member in members if member.name.lower() == CREDS
            }
            if not folders:
                path = directory / DUMP
                budget = Budget(MOST_BYTES)
                _extract(archive, members[_only_dump(members)], path, budget)
                return dump.phones(path)
            _extract_folders(archive, members, folders, directory)
            timed = all(_utc(info) is not None for info in members.values())
    except DAMAGED as error:
        raise SourceRefused(_("This zip is damaged: make it again.")) from error
    found = folder.phones(directory)
    return found if timed else _without_times(found)


class Budget:
    """How many bytes a zip may still unpack to; what its index claims is not asked."""

    def __init__(self, size: int) -> None:
        self.left = size

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise SourceRefused(
                _("This zip holds more than %(most)d MB: make one zip per few phones.")
                % {"most": MOST_BYTES // MEGABYTE}
            )


Members = dict[PurePosixPath, zipfile.ZipInfo]


def _members(archive: zipfile.ZipFile) -> Members:
    """The files that may matter, by their path; those of the system are left out."""
    listed = archive.infolist()
    if len(listed) > MOST_FILES:
        raise SourceRefused(
            _("This zip holds more than %(most)d files: make one zip per few phones.")
            % {"most": MOST_FILES}
        )
    members: Members = {}
    for info in listed:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if info.is_dir() or hidden or path.suffix.lower() != ".json":
            continue
        if info.flag_bits & ENCRYPTED:
            raise SourceRefused(_("This zip has a password: make one without."))
        if info.compress_type not in METHODS:
            raise SourceRefused(
                _("This zip is compressed in an unusual way: make an ordinary one.")
            )
        members[path] = info
    return members


def _only_dump(members: Members) -> PurePosixPath:
    if len(members) != 1:
        raise SourceRefused(
            _(
                "This zip holds no auth folder of Baileys: a file creds.json is "
                "expected beside the other files of each phone."
            )
        )
    return next(iter(members))


def _extract_folders(
    archive: zipfile.ZipFile,
    members: Members,
    folders: set[PurePosixPath],
    directory: Path,
) -> None:
    """Each folder with a creds.json as a folder of its own, under a name of ours."""
    budget = Budget(MOST_BYTES)
    places: dict[PurePosixPath, Path] = {}
    for source in sorted(folders):
        shown = re.sub(r"[^\w-]+", "-", source.name, flags=re.ASCII)[:60] or "auth"
        place = directory / shown
        if place.exists():
            place = directory / f"{shown}.{len(places)}"
        place.mkdir(mode=0o700)
        places[source] = place
    for path, info in members.items():
        if path.parent in places:
            _extract(archive, info, places[path.parent] / path.name, budget)


def _extract(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, budget: Budget
) -> None:
    if len(path.name.encode()) > 255 or "\0" in path.name:
        return
    own = Budget(MOST_BYTES_OF_A_FILE if path.name != DUMP else MOST_BYTES)
    with archive.open(info) as packed, path.open("wb") as file:
        while chunk := packed.read(CHUNK):
            budget.spend(len(chunk))
            own.spend(len(chunk))
            file.write(chunk)
    if (moment := _utc(info)) is not None:
        os.utime(path, (moment, moment))


def _utc(info: zipfile.ZipInfo) -> int | None:
    """When the file was written, if the zip says it in UTC (Info-ZIP's field "UT").

    What every zip has is the time of the packing machine's clock, in no zone.
    """
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field = extra[4 : 4 + size]
        if kind == UT and len(field) >= 5 and field[0] & 1:
            return int(struct.unpack_from("<l", field, 1)[0])
        extra = extra[4 + size :]
    return None


def _without_times(phones: Iterator[SourcePhone]) -> Iterator[SourcePhone]:
    for phone in phones:
        phone.updated.clear()
        yield phone
