"""`manage.py clear_auth`: wipe the keys of one phone, several, or all."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.models import Organization, OrganizationPhone
from sessions import stand_in, verbs
from sessions.management.outcome import POLL
from sessions.management.phone_command import PhoneCommand, named_phones
from sessions.models import PhoneRequest

WAIT = timedelta(seconds=60)  # for a host, or for a dead one's lease to run out
EACH = timedelta(seconds=0.5)  # longer for every phone
WORD = "all"


class Command(PhoneCommand):
    help = (
        "Move the keys to the quarantine and set the phone to need a new scan. The "
        "device stays listed on the phone until it is removed there."
    )
    verb = "clear"
    pause = staticmethod(time.sleep)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        phones = next(a for a in parser._actions if a.dest == "phones")
        phones.nargs, phones.required = "*", False
        parser.add_argument("--organization", metavar="NAME")
        parser.add_argument("--all", action="store_true", help="every phone")
        parser.add_argument(
            "--log-out",
            action="store_true",
            help="where the phone is connected, tell WhatsApp first",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, phones: list[str], **options: Any) -> None:
        self._log_out = options["log_out"]
        organization, everything = options["organization"], options["all"]
        if bool(phones) + (organization is not None) + everything != 1:
            raise CommandError(_("Name phones, or --organization NAME, or --all."))
        chosen = self._chosen(phones, organization)
        if not chosen:
            raise CommandError(_("There is no phone to clear."))
        if not options["yes"]:
            self._confirm(chosen, everything=everything)
        self.act_on(chosen)

    def _chosen(
        self, phones: list[str], organization: str | None
    ) -> list[OrganizationPhone]:
        if phones:
            return named_phones(phones)
        if organization is None:
            return list(OrganizationPhone.objects.order_by("pk"))
        owner = Organization.objects.filter(name=organization).first()
        if owner is None:
            raise CommandError(
                _("There is no organization “%(name)s”.") % {"name": organization}
            )
        return list(owner.phones.order_by("pk"))

    def _confirm(self, phones: list[OrganizationPhone], *, everything: bool) -> None:
        if not sys.stdin.isatty():
            raise CommandError(_("Nobody can be asked here: add --yes to clear."))
        word = WORD if everything else "yes"
        names = ", ".join(str(phone) for phone in phones[:10])
        more = len(phones) - 10
        self.stderr.write(
            _("This wipes the keys of %(count)d phones: %(names)s%(more)s.")
            % {
                "count": len(phones),
                "names": names,
                "more": f" (+{more})" if more > 0 else "",
            }
        )
        answer = input(_("Each needs a new scan afterwards. Type “%s”: ") % word)
        if answer.strip().lower() != word:
            raise CommandError(_("Nothing was cleared."))

    def act_on(self, phones: list[OrganizationPhone]) -> None:
        """Ask for all at once, so that the hosts work side by side."""
        requests = verbs.clear_many(phones, log_out=self._log_out)
        self._requests = {request.phone_id: request for request in requests}
        self._until = timezone.now() + WAIT + EACH * len(phones)
        super().act_on(phones)

    def act(self, phone: OrganizationPhone) -> str:
        request = self._requests[phone.pk]
        while not stand_in.done(request):
            if timezone.now() > self._until:
                raise verbs.VerbRefused(
                    _("A server still has this phone; try again in a minute.")
                )
            self.pause(POLL)
        if request.result != PhoneRequest.Result.DONE:
            raise verbs.VerbRefused(
                request.answer.get("error") or request.get_result_display()
            )
        if note := request.answer.get("note"):
            return _("Cleared; a new scan is needed. %(note)s") % {"note": note}
        return _("Cleared; a new scan is needed. Remove the device on the phone too.")
