"""`manage.py check_auth`: check the auth records of one phone, several, or all."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.auth import report
from sessions.management.outcome import POLL
from sessions.management.phone_command import PhoneCommand, named_phones
from sessions.models import AuthReport, PhoneLease, PhoneRequest
from sessions.policy.auth_check_texts import sentence

WAIT = timedelta(seconds=65)  # a request lives for 60
LINE = "{:>6}  {:<16}  {:<10}  {:>7}  {}"


class Command(PhoneCommand):
    help = (
        "Check the auth records: the live file where a server has the phone, the "
        "central copy elsewhere. Exit status 1 when any is broken."
    )
    verb = "check_auth"
    pause = staticmethod(time.sleep)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        phones = next(a for a in parser._actions if a.dest == "phones")
        phones.nargs, phones.required = "*", False
        parser.add_argument("--all", action="store_true", help="every phone")

    def handle(self, *, phones: list[str], **options: Any) -> None:
        if bool(phones) == options["all"]:
            raise CommandError(_("Name phones, or --all."))
        everything = OrganizationPhone.objects.order_by("pk")
        self._check(list(everything) if options["all"] else named_phones(phones))

    def _check(self, phones: list[OrganizationPhone]) -> None:
        """Servers work side by side; the table keeps the order of the phones."""
        asked = {
            phone.pk: verbs.check(phone) for phone in phones if self._is_kept(phone)
        }
        if not self._as_json:
            header = _("phone"), _("number"), _("verdict"), _("rows"), _("what fails")
            self.stdout.write(LINE.format(*header))
        until = timezone.now() + WAIT
        sound = True
        for phone in phones:
            try:
                found = self._report(phone, asked.get(phone.pk), until)
            except verbs.VerbRefused as refusal:
                self._tell(phone, str(refusal), ok=False)
                sound = False
            else:
                self._show(phone, found)
                sound = sound and found.verdict != AuthReport.Verdict.BROKEN
        if not sound:
            raise SystemExit(1)

    def _is_kept(self, phone: OrganizationPhone) -> bool:
        return PhoneLease.objects.current().filter(phone=phone).exists()

    def _report(
        self, phone: OrganizationPhone, request: PhoneRequest | None, until: Any
    ) -> AuthReport:
        """The server's, while it has the phone; else ours of the central copy."""
        while request is not None and request.done_at is None:
            if timezone.now() > until or not self._is_kept(phone):
                request.close(PhoneRequest.Result.EXPIRED)
                request = None
                continue
            self.pause(POLL)
            request.refresh_from_db()
        if request is not None and request.result == PhoneRequest.Result.DONE:
            return AuthReport.objects.get(phone=phone)
        if request is not None and request.answer.get("error"):
            raise verbs.VerbRefused(request.answer["error"])
        return report.check_phone(phone)

    def _show(self, phone: OrganizationPhone, found: AuthReport) -> None:
        findings = report.findings_of(found)
        sentences = [f"{one.check} {sentence(one)}" for one in findings]
        rows = sum(counted["rows"] for counted in found.counts.values())
        verdict = found.get_verdict_display()
        lines = [
            LINE.format(phone.pk, str(phone), verdict, rows, first)
            if not number
            else LINE.format("", "", "", "", first)
            for number, first in enumerate(sentences or ["-"])
        ]
        self.say(
            "\n".join(lines),
            phone=phone.pk,
            number=phone.phone_number,
            verdict=found.verdict,
            findings=[
                {
                    "check": one.check,
                    "severity": str(one.severity),
                    "sentence": sentence(one),
                    "values": dict(one.values),
                }
                for one in findings
            ],
            counts=found.counts,
            server=found.host_name,
            checked_at=found.checked_at.isoformat(timespec="seconds"),
        )
