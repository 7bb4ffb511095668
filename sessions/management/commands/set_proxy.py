"""`manage.py set_proxy PHONE URL|-|--none`: the proxy of one phone."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from phones.models import OrganizationPhone
from sessions.proxies import ProxyRefused, clear_proxy, set_proxy, why_useless

STDIN = "-"


class Command(PersonCommand):
    help = (
        "Let a phone connect through a proxy of its own, or not at all. It counts from "
        "the next start on. A URL with a password is better given as -, and typed: "
        "what stands on a command line is seen by everybody on the server."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("phone", metavar="PHONE", help="its id or its number")
        parser.add_argument(
            "url",
            metavar="URL",
            nargs="?",
            help="http, https or socks5://user:password@host:port; - reads it",
        )
        parser.add_argument(
            "--none", action="store_true", help="take its proxy away from it"
        )

    def handle(
        self, *, phone: str, url: str | None, none: bool, **options: Any
    ) -> None:
        if none == (url is not None):
            raise CommandError(_("Give either a URL or --none."))
        named = OrganizationPhone.objects.named(phone)
        if url is None:
            self._clear(named)
        else:
            self._set(named, self._read() if url == STDIN else url)

    def _read(self) -> str:
        if sys.stdin.isatty():
            return getpass.getpass(_("Proxy: "))
        return sys.stdin.readline()

    def _set(self, phone: OrganizationPhone, url: str) -> None:
        try:
            proxy = set_proxy(phone, url)
        except ProxyRefused as refusal:
            raise CommandError(str(refusal)) from None
        text = _("It connects through %(proxy)s from its next start on.") % {
            "proxy": proxy.shown
        }
        self._tell(phone, proxy.shown, " ".join(filter(None, (text, why_useless()))))

    def _clear(self, phone: OrganizationPhone) -> None:
        if clear_proxy(phone):
            text = _("It has no proxy of its own from its next start on.")
        else:
            text = _("It had no proxy.")
        self._tell(phone, None, text)

    def _tell(self, phone: OrganizationPhone, shown: str | None, text: str) -> None:
        self.say(
            f"{phone}: {text}",
            phone=phone.pk,
            number=phone.phone_number,
            verb="set_proxy",
            proxy=shown,
            ok=True,
            text=text,
        )
