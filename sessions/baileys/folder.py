"""Auth rows as files: the folder of Baileys' useMultiFileAuthState."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from sessions.baileys import buffer_json
from sessions.baileys.source import (
    SourcePhone,
    SourceRefused,
    StoredRow,
    gather,
    is_baileys_key,
)

SUFFIX = ".json"
LARGEST = 64 << 20  # bytes of one file; Baileys' own stay below a few megabytes


def phones(path: str | Path) -> Iterator[SourcePhone]:
    """Read the folder of one phone, or a folder of such folders (one level deep).

    A phone's number is that of its creds, else the folder's name. Raises SourceRefused
    before the first phone unless there is one.
    """
    root = Path(path)
    if not root.is_dir():
        raise SourceRefused(_("“%(path)s” is not a folder.") % {"path": root.name})
    try:
        folders = [one for one in (root, *_subfolders(root)) if any(_files(one))]
        if not folders:
            raise SourceRefused(
                _("The folder holds no files of Baileys, like “creds.json”.")
            )
        for folder in folders:
            phone = gather("", "", map(_stored, _files(folder)))
            phone.number = phone.number or folder.resolve().name
            yield phone
    except OSError as error:
        raise SourceRefused(
            _("The folder cannot be read: %(error)s.") % {"error": error.strerror}
        ) from None


def write(directory: str | Path, rows: Mapping[str, Any]) -> None:
    """Write one phone's folder (0700, files 0600), all of it or nothing.

    Raises FileExistsError if the folder is there and not empty: Baileys would mix the
    rows of both.
    """
    target = Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} is there and not empty")
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for key, value in rows.items():
            descriptor = os.open(
                draft / file_name(key), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(buffer_json.dumps(value).encode())
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def file_name(key: str) -> str:
    """The file Baileys keeps a key in."""
    return key.replace("/", "__").replace(":", "-") + SUFFIX


def key_of(name: str) -> str:
    """The key a file name stands for.

    The way back is not unique in general; it is for the keys that exist: base64 has no
    `_`, and the JID of a group has no `--`.
    """
    key = name.removesuffix(SUFFIX)
    if key.startswith("app-state-sync-key-"):
        return key.replace("__", "/")
    if key.startswith("sender-key-") and not key.startswith("sender-key-memory-"):
        return "::".join(key.rsplit("--", 2))
    return key


def _subfolders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir())


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if (
            entry.name.endswith(SUFFIX)
            and is_baileys_key(key_of(entry.name))
            and entry.is_file()
        ):
            yield entry


def _stored(file: Path) -> StoredRow:
    facts = file.stat()
    text = file.read_bytes() if facts.st_size <= LARGEST else b""
    updated = datetime.fromtimestamp(facts.st_mtime, UTC)
    return StoredRow(key_of(file.name), text, updated)
