from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from sessions import verbs
from sessions.management.named_host import named_host


class Command(PersonCommand):
    help = (
        "Give all phones of the server HOST to the others; it takes none until "
        "`drain HOST --end`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("host", metavar="HOST", help="its name")
        parser.add_argument("--end", action="store_true", help="let it take phones")

    def handle(self, *, host: str, end: bool, **options: Any) -> None:
        server = named_host(host)
        try:
            verbs.drain(server, on=not end)
        except verbs.VerbRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        if end:
            sentence = _("It takes phones again.")
        else:
            sentence = _("Its phones go to the other servers, a few at a time.")
        self.say(
            f"{server}: {sentence}",
            host=server.name,
            verb="end_drain" if end else "drain",
            ok=True,
            text=sentence,
        )
