"""`manage.py import_baileys`: take over phones of a Baileys server without a scan."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from phones.models import Organization, OrganizationPhone
from phones.numbers import mask_number, parse_number
from sessions.auth.adoption import Plan, adopt, outlook_of, plan, register
from sessions.auth.adoption_outlook import Fate, Outlook, found_here, judge, phone_of
from sessions.auth.keys import check_stamp
from sessions.baileys.prisma import SourceOrganization
from sessions.baileys.source import SourcePhone, SourceRefused
from sessions.management import plan_table, progress
from sessions.management.baileys_options import (
    NODE_MUST_BE_OFF,
    Chosen,
    Source,
    add_source,
    as_registered,
    lid_map_of,
    only_organization_of,
    parsed,
)

logger = logging.getLogger(__name__)

UNNAMED = "Baileys"  # the organization of a source that names none
FAILURES = {Fate.SCAN_NEEDED, Fate.REFUSED}


class Command(PersonCommand):
    help = (
        "Take over phones of a Baileys server with their keys, so that no scan is "
        "needed. They connect as soon as a server runs, unless --stopped; nothing in "
        "the source is changed. " + NODE_MUST_BE_OFF
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_source(parser)
        parser.add_argument(
            "--organization",
            metavar="NAME",
            help="of a database: only this one; else: into this one",
        )
        parser.add_argument(
            "--phone", metavar="NUMBER", action="append", default=[], help="only these"
        )
        parser.add_argument(
            "--lid-map",
            metavar="FILE",
            type=Path,
            help="JSON {number: LID} of contacts; without it first messages come late",
        )
        parser.add_argument(
            "--stopped",
            action="store_true",
            help="leave them stopped, to start them in portions with `start`",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell what would be done"
        )

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        check_stamp()
        self._dry_run = dry_run
        self._start = not options["stopped"]
        self._organization = (options["organization"] or "").strip()
        self._chosen = Chosen(options["phone"])
        self._lid_map = lid_map_of(options["lid_map"])
        self._counts: Counter[Fate] = Counter()
        names = ("database_url", "dump", "folder")
        source = Source(**{name: options[name] for name in names})
        self.stderr.write(_(NODE_MUST_BE_OFF))
        try:
            self._import_all(source)
        except SourceRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(
                _("The source cannot be read: %(why)s.") % {"why": error}
            ) from error
        self._finish()

    def _import_all(self, source: Source) -> None:
        named = source.organizations(self._organization)
        done: dict[str, set[str]] = {}
        phones = progress.shown(
            self._phones(source, named), unit="phones", stream=self.stderr._out
        )
        for phone in phones:
            organization = (named or {}).get(phone.organization)
            number = self._import(phone, organization)
            done.setdefault(phone.organization, set()).add(number)
        for key, organization in (named or {}).items():
            self._register_others(organization, done.get(key, set()))

    def _phones(
        self, source: Source, named: dict[str, SourceOrganization] | None
    ) -> Iterator[SourcePhone]:
        for phone in source.phones():
            phone.number = self._chosen.number_of(phone)
            wanted = named is None or phone.organization in named
            if wanted and phone.number in self._chosen:
                yield phone

    def _import(self, phone: SourcePhone, named: SourceOrganization | None) -> str:
        """Take one phone over, or say why not; the number it has here."""
        number = as_registered(phone.number, named.numbers if named else ())
        name = (
            (named.name if named is not None else self._organization)
            or only_organization_of(number)
            or f"{UNNAMED} {phone.organization}".strip()
        )
        if not self._dry_run and (here := found_here(name, number, phone.jid)):
            planned = Plan.unchecked(phone.organization, number)
            self._tell(planned, name, Outlook(Fate.ALREADY_HERE), here)
            return number
        try:
            planned = replace(plan(phone, self._lid_map), number=number)
        except Exception:
            logger.exception("import failed phone=%s", mask_number(number))
            outlook = Outlook(Fate.REFUSED, _("It could not be read; see the log."))
            planned = Plan.unchecked(phone.organization, number)
            self._tell(planned, name, outlook, None)
            return number
        self._tell(planned, name, *self._done(planned, name))
        return number

    def _done(
        self, planned: Plan, name: str
    ) -> tuple[Outlook, OrganizationPhone | None]:
        try:
            number = parse_number(planned.number)
            if not self._dry_run:
                made = self._made(name)
                return outlook_of(adopt(planned, made, start=self._start))
            organization = Organization.objects.filter(name=name).first()
            phone = phone_of(organization, number) if organization else None
            return judge(planned, phone, number), phone
        except ValidationError as error:
            if planned.conversion is None:  # nowhere to note it, but here
                return Outlook(Fate.SCAN_NEEDED, planned.reason), None
            return Outlook(Fate.REFUSED, " ".join(error.messages)), None

    def _register_others(self, named: SourceOrganization, done: set[str]) -> None:
        """Organizations and phones come along, also those that were never linked."""
        if not self._dry_run and not self._chosen.is_narrow:
            self._made(named.name)
        for number in filter(None, map(parsed, named.numbers)):
            if number in done or number not in self._chosen:
                continue
            phone = None
            if not self._dry_run:
                phone = register(self._made(named.name), number)
            self._tell(
                Plan.unchecked(named.id, number),
                named.name,
                Outlook(Fate.REGISTERED),
                phone,
            )

    def _made(self, name: str) -> Organization:
        found = Organization.objects.filter(name=name).first()
        if found is not None:
            return found
        organization = Organization(name=name)
        organization.full_clean()
        organization.save()
        # Not on stdout: that carries the phones alone.
        self.stderr.write(_("New organization: %(name)s") % {"name": name})
        return organization

    def _tell(
        self,
        planned: Plan,
        name: str,
        outlook: Outlook,
        phone: OrganizationPhone | None,
    ) -> None:
        self._counts[outlook.fate] += 1
        fields = plan_table.as_json(planned, name, outlook)
        if phone is not None:
            fields["phone"] = phone.pk
        lines = plan_table.as_lines(planned, name, outlook, in_full=self._dry_run)
        if outlook.fate == Fate.TAKE_OVER and not self._dry_run and phone is not None:
            lines.append(plan_table.next_step(phone, started=self._start))
        with progress.paused():
            self.say(
                "\n".join(lines),
                ok=outlook.fate not in FAILURES,
                verb="import_baileys",
                dry_run=self._dry_run,
                **fields,
            )

    def _finish(self) -> None:
        missing = self._chosen.missing()
        for number in missing:
            text = _("%(number)s is not in the source.") % {
                "number": mask_number(number)
            }
            if self._as_json:
                self.say(text, ok=False, number=number, error=text)
            self.stderr.write(text)
        if not self._counts and not missing:
            raise CommandError(_("The source holds no phone to take over."))
        if not self._as_json:
            self.stdout.write(plan_table.totals(self._counts, dry_run=self._dry_run))
        failed = FAILURES & self._counts.keys() and not self._dry_run
        if missing or failed:
            raise SystemExit(1)
