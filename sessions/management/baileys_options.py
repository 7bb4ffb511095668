"""What the command line says of a Baileys server's records."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from phones.models import OrganizationPhone
from phones.numbers import parse_number
from sessions.baileys import dump, folder, prisma
from sessions.baileys.lid_map_file import read_lid_map
from sessions.baileys.prisma import SourceOrganization
from sessions.baileys.source import SourcePhone
from sessions.policy.number_aliases import spellings

NODE_MUST_BE_OFF = gettext_noop(
    "Make sure that the Node server is off and stays off for these phones (for example "
    "`pm2 delete NAME` or `systemctl disable --now NAME`, and `ps aux | grep node` "
    "shows nothing): a phone that runs in both places loses its chats' keys."
)


def add_source(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--database-url",
        metavar="URL",
        help="the old server's PostgreSQL; it is only read",
    )
    source.add_argument(
        "--dump", metavar="FILE", type=Path, help="rows of BaileysAuth as JSON"
    )
    source.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        help="a useMultiFileAuthState folder, or a folder of such folders",
    )


@dataclass(frozen=True)
class Source:
    """One of the three places to read from; each phone is read when it is its turn."""

    database_url: str | None
    dump: Path | None
    folder: Path | None

    def phones(self) -> Iterator[SourcePhone]:
        """Raises SourceRefused, or OSError for a file."""
        if self.database_url is not None:
            return prisma.phones(self.database_url)
        if self.dump is not None:
            return dump.phones(self.dump)
        if self.folder is not None:
            return folder.phones(self.folder)
        raise CommandError(_("Give --database-url, --dump or --folder."))

    def organizations(self, only: str) -> dict[str, SourceOrganization] | None:
        """By id, `only` those of that name; None where the source has no names.

        Raises CommandError when it has none of that name, and SourceRefused.
        """
        if self.database_url is None:
            return None
        found = prisma.organizations(self.database_url)
        chosen = [one for one in found if only in ("", one.name)]
        if not chosen and only:
            raise CommandError(
                _("The source has no organization “%(name)s”.") % {"name": only}
            )
        return {one.id: one for one in chosen}


class Chosen:
    """The numbers of --phone; all of them when there is none."""

    def __init__(self, numbers: list[str]) -> None:
        self._wanted = {parse_number(number) for number in numbers}
        self._seen: set[str] = set()

    def __contains__(self, number: object) -> bool:
        if not self._wanted:
            return True
        found = self._wanted & spellings(str(number))
        self._seen |= found
        return bool(found)

    def number_of(self, source: SourcePhone) -> str:
        """As the source files it; of records without one, the only number asked for."""
        if parsed(source.number) or len(self._wanted) != 1:
            return source.number
        (only,) = self._wanted
        return only

    @property
    def is_narrow(self) -> bool:
        return bool(self._wanted)

    def missing(self) -> list[str]:
        """Those that the source did not have."""
        return sorted(self._wanted - self._seen)


def lid_map_of(path: Path | None) -> dict[str, str]:
    """{bare number: bare LID user} of a JSON file; raises CommandError."""
    if path is None:
        return {}
    try:
        return read_lid_map(path.read_bytes())
    except OSError as error:
        raise CommandError(
            _("The LID map cannot be read: %(why)s.") % {"why": error.strerror}
        ) from error
    except ValueError as error:
        raise CommandError(
            _("The LID map is no JSON object of the form {number: LID}.")
        ) from error


def as_registered(number: str, numbers: tuple[str, ...]) -> str:
    """The spelling of `number` among the registered ones; itself if it is not there."""
    return next(iter(_digits_of(numbers) & spellings(number)), number)


@lru_cache(maxsize=8)
def _digits_of(numbers: tuple[str, ...]) -> frozenset[str]:
    """Of one organization; asked for again with each of its phones."""
    return frozenset(map(parsed, numbers)) - {""}


def parsed(number: str) -> str:
    """Digits, or "" for what is no number."""
    try:
        return parse_number(number)
    except ValidationError:
        return ""


def only_organization_of(number: str) -> str | None:
    """The one organization here that has this number already; None if not one."""
    phones = OrganizationPhone.objects.filter(phone_number__in=spellings(number))
    found = list(phones.values_list("organization__name", flat=True)[:2])
    return found[0] if len(found) == 1 else None
