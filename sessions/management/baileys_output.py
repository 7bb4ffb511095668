"""Where an export goes, and what it is based on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions.baileys import dump, folder
from sessions.baileys.source import CREDS, SourcePhone


class Output:
    """A dump or a folder; by default a dump in the current directory.

    A folder of Baileys that is there is put aside under another name, because Baileys
    would mix the rows of both. Raises CommandError for any other folder with files.
    """

    def __init__(
        self, phone: OrganizationPhone, *, dump: Path | None, folder: Path | None
    ) -> None:
        self.phone = phone
        self.is_folder = folder is not None
        self.path = folder or dump or Path(f"baileys-{phone.phone_number}.json")
        self.put_aside: Path | None = None
        if folder is not None and self._is_used() and not self._is_baileys():
            raise CommandError(
                _("“%(path)s” holds other files: give a new folder.") % {"path": folder}
            )

    def writer(self, base: SourcePhone | None) -> Callable[[dict[str, Any]], None]:
        """What writes the rows; files the phone under the base's organization."""

        def write(rows: dict[str, Any]) -> None:
            if not self.is_folder:
                organization = base.organization if base is not None else ""
                filed = organization or self.phone.organization_id
                dump.write(self.path, filed, self.phone.auth_key, rows)
                return
            if self._is_used():
                moment = f"{timezone.now():%Y%m%d-%H%M%S}"
                self.put_aside = self.path.with_name(f"{self.path.name}.old-{moment}")
                self.path.rename(self.put_aside)
            folder.write(self.path, rows)

        return write

    def _is_used(self) -> bool:
        return self.path.is_dir() and any(self.path.iterdir())

    def _is_baileys(self) -> bool:
        return (self.path / f"{CREDS}.json").exists()


def base_of(phone: OrganizationPhone, path: Path | None) -> SourcePhone | None:
    """The phone's rows in what was imported, a dump or a folder.

    Raises CommandError when it holds another device's alone, SourceRefused or OSError
    when it cannot be read.
    """
    if path is None:
        return None
    found = folder.phones(path) if path.is_dir() else dump.phones(path)
    for source in found:
        if source.jid == phone.phone_jid:
            return source
    raise CommandError(_("The base holds no records of this device."))
