from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from phones.management.person_command import PersonCommand
from phones.models import OrganizationPhone
from phones.numbers import parse_number
from sessions import verbs
from sessions.management.outcome import wait_for


class Command(PersonCommand):
    help = "Send one text; prints the message id when WhatsApp has taken it."
    pause = staticmethod(time.sleep)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("phone", metavar="PHONE", help="its id or its number")
        parser.add_argument("to", metavar="TO", help="a number, or a JID")
        parser.add_argument("text", metavar="TEXT")

    def handle(self, *, phone: str, to: str, text: str, **options: Any) -> None:
        sender = OrganizationPhone.objects.named(phone)
        recipient = to if "@" in to else parse_number(to)
        try:
            request = verbs.send(sender, to=recipient, text=text)
            message_id = wait_for(request, pause=self.pause).answer["message_id"]
        except verbs.VerbRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.say(message_id, ok=True, phone=sender.pk, message_id=message_id)
