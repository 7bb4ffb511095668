from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.named_host import named_host
from sessions.management.phone_command import PhoneCommand


class Command(PhoneCommand):
    help = "Hand each PHONE over to another server; each is away for about a second."
    verb = "move"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", metavar="HOST", required=True, help="its name")

    def handle(self, *, phones: list[str], **options: Any) -> None:
        self.target = named_host(options["to"])
        super().handle(phones=phones, **options)

    def act(self, phone: OrganizationPhone) -> str:
        verbs.move(phone, self.target)
        return _("It goes to %(server)s.") % {"server": self.target}
