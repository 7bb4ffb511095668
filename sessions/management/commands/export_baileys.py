"""`manage.py export_baileys PHONE`: give a stopped phone back to a Baileys server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from phones.models import OrganizationPhone
from sessions.auth.errors import AuthStoreError
from sessions.auth.giving_back import GivenBack, give_back, is_being_let_go
from sessions.baileys.source import SourcePhone, SourceRefused
from sessions.management.baileys_output import Output, base_of

LET_GO = 10.0  # seconds; a server gives a stopped phone back within one
POLL = 0.1


class Command(PersonCommand):
    help = (
        "Write the keys of a stopped phone as Baileys stores them, and hold it here: "
        "from then on only the Baileys server may run it. Before its Node process "
        "starts, all old rows of the phone must be gone from its store."
    )
    pause = staticmethod(time.sleep)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("phone", metavar="PHONE", help="its id or its number")
        target = parser.add_mutually_exclusive_group()
        target.add_argument(
            "--dump",
            metavar="FILE",
            type=Path,
            help="rows of BaileysAuth as JSON; by default baileys-NUMBER.json",
        )
        target.add_argument(
            "--folder", metavar="DIR", type=Path, help="as useMultiFileAuthState"
        )
        parser.add_argument(
            "--base",
            metavar="FILE",
            type=Path,
            help="what was imported: brings back what is not kept here",
        )

    def handle(self, *, phone: str, **options: Any) -> None:
        named = OrganizationPhone.objects.named(phone)
        output = Output(named, dump=options["dump"], folder=options["folder"])
        try:
            base = base_of(named, options["base"])
            self._wait_until_let_go(named)
            rows = base.rows if base is not None else None
            done = give_back(named, output.writer(base), base=rows)
        except (AuthStoreError, SourceRefused) as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(
                _("The keys could not be written: %(why)s. The phone is as it was.")
                % {"why": error}
            ) from error
        self._tell(named, output, done, base)

    def _wait_until_let_go(self, phone: OrganizationPhone) -> None:
        """A server that has just stopped it still gives its lease back."""
        until = time.monotonic() + LET_GO
        while is_being_let_go(phone) and time.monotonic() < until:
            self.pause(POLL)

    def _tell(
        self,
        phone: OrganizationPhone,
        output: Output,
        done: GivenBack,
        base: SourcePhone | None,
    ) -> None:
        lost = ", ".join(f"{name} {n}" for name, n in sorted(done.lost.items())) or "-"
        warning = _(
            "It is held here, and must not be started here again: run in both places, "
            "both lose their chats' keys. To take it over again, stop the Baileys "
            "server and import it anew."
        )
        text = _("%(rows)d rows written to %(path)s; lost: %(lost)s.") % {
            "rows": done.rows,
            "path": output.path,
            "lost": lost,
        }
        if output.put_aside is not None:
            text += " " + _("What was there is now in %(path)s.") % {
                "path": output.put_aside
            }
        self.say(
            f"{phone.masked}: {text}\n{warning}",
            ok=True,
            phone=phone.pk,
            number=phone.phone_number,
            verb="export_baileys",
            path=str(output.path),
            rows=done.rows,
            lost=dict(done.lost),
            from_copy=done.from_copy,
            with_base=base is not None,
            warning=warning,
            text=text,
        )
