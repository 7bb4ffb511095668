"""Commands that take PHONE arguments: an id or a number, one or more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from phones.management.person_command import PersonCommand
from phones.models import OrganizationPhone
from sessions.verbs import VerbRefused


class PhoneCommand(PersonCommand):
    """A verb for each PHONE; a refusal of one does not keep it from the others."""

    verb = ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "phones", metavar="PHONE", nargs="+", help="its id or its number"
        )

    def handle(self, *, phones: list[str], **options: Any) -> None:
        self.act_on(named_phones(phones))

    def act(self, phone: OrganizationPhone) -> str:
        """Do it; the sentence for the person. Raises VerbRefused when it failed."""
        raise NotImplementedError

    def act_on(self, phones: list[OrganizationPhone]) -> None:
        failed = 0
        for phone in phones:
            try:
                sentence = self.act(phone)
            except VerbRefused as refusal:
                failed += 1
                self._tell(phone, str(refusal), ok=False)
            else:
                self._tell(phone, sentence, ok=True)
        if failed:
            raise SystemExit(1)

    def _tell(self, phone: OrganizationPhone, sentence: str, *, ok: bool) -> None:
        line = f"{phone}: {sentence}"
        fields = {"phone": phone.pk, "number": phone.phone_number, "verb": self.verb}
        if ok:
            self.say(line, **fields, ok=True, text=sentence)
            return
        if self._as_json:
            self.say(line, **fields, ok=False, error=sentence)
        self.stderr.write(line)


def named_phones(texts: list[str]) -> list[OrganizationPhone]:
    """The phones in the order given, each once.

    Raises ValidationError for an unknown one, before anything is done to the others.
    """
    found = {phone.pk: phone for phone in map(OrganizationPhone.objects.named, texts)}
    return list(found.values())
