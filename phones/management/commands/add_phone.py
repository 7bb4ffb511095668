from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from phones.models import AuditEntry, Organization, OrganizationPhone
from phones.numbers import parse_number


class Command(PersonCommand):
    help = "Add a phone to an organization, made when it is new; prints the phone's id."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--organization", metavar="NAME", required=True)
        parser.add_argument(
            "number", metavar="NUMBER", help="with the country code, +7 705 481-08-62"
        )

    @transaction.atomic
    def handle(self, *, organization: str, number: str, **options: Any) -> None:
        digits = parse_number(number)
        name = organization.strip()
        if not name:
            raise CommandError(_("The organization needs a name."))
        owner = Organization.objects.filter(name=name).first()
        is_new = owner is None
        if owner is None:
            owner = Organization(name=name)
            owner.full_clean()
            owner.save()
        phone = OrganizationPhone(organization=owner, phone_number=digits)
        same = owner.phones.filter(phone_number=digits).first()
        if same is not None:
            raise CommandError(
                _("%(name)s has this number already: its id is %(id)s.")
                % {"name": name, "id": same.pk}
            )
        phone.save()
        AuditEntry.objects.record(verb="add_phone", phone=phone, user=None)
        if is_new:
            # Not on stdout: that carries the id alone.
            self.stderr.write(_("New organization: %(name)s") % {"name": name})
        self.say(
            str(phone.pk),
            ok=True,
            id=phone.pk,
            number=digits,
            organization=name,
            new_organization=is_new,
        )
