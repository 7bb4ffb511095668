"""`manage.py link PHONE`: start a pairing, or join the one that is active."""

from __future__ import annotations

import io
import json
import signal
import time
from typing import Any

import qrcode
from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.pairing_watch import Event, PairingWatch
from sessions.models import Host, Pairing

POLL = 0.15  # seconds


class Command(PersonCommand):
    help = (
        "Link a phone: shows the QR codes until it is scanned. Exits 0 when the "
        "session is connected. Ctrl+C stops watching, not the pairing."
    )
    pause = staticmethod(time.sleep)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("phone", metavar="PHONE", help="its id or its number")
        parser.add_argument(
            "--confirmed",
            action="store_true",
            help="the account works on the phone, after WhatsApp refused it",
        )

    def handle(self, *, phone: str, confirmed: bool, **options: Any) -> None:
        named = OrganizationPhone.objects.named(phone)
        try:
            pairing = verbs.link(named, confirmed=confirmed)
        except verbs.VerbRefused as refusal:
            self._show({"event": "failed", "cause": "refused", "text": str(refusal)})
            raise SystemExit(1) from None
        # A KeyboardInterrupt raised inside a callback is lost; a flag is not.
        self._interrupted = False
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            connected = self._watch(pairing.pk)
        finally:
            signal.signal(signal.SIGINT, before)
        if self._interrupted:
            self.stderr.write(_("Stopped watching; the pairing goes on."))
        if not connected:
            raise SystemExit(1)

    def _interrupt(self, *signal_and_frame: object) -> None:
        self._interrupted = True

    def _watch(self, pairing_id: int) -> bool:
        """Print each event of the pairing until it ends; True when connected."""
        watch = PairingWatch()
        alone_since: float | None = None
        while not watch.ended and not self._interrupted:
            Pairing.objects.end_unclaimed(timezone.now())
            pairing = Pairing.objects.select_related("phone__facts").get(pk=pairing_id)
            for event in watch.look(pairing):
                self._show(event)
            if not watch.ended:
                alone_since = self._alone_since(pairing, alone_since)
                self.pause(POLL)
        return watch.connected

    def _alone_since(self, pairing: Pairing, before: float | None) -> float | None:
        """Since when no host is there to go on; gives up after the online deadline."""
        if pairing.claimed_epoch is None or Host.objects.alive().exists():
            return None
        now = time.monotonic()
        since = before if before is not None else now
        if now - since > settings.WHATSAPP_ONLINE_DEADLINE.total_seconds():
            text = _("The server that was linking this phone is gone.")
            self._show({"event": "failed", "cause": "host_lost", "text": text})
            raise SystemExit(1)
        return since

    def _show(self, event: Event) -> None:
        if self._as_json:
            self.stdout.write(json.dumps(event, ensure_ascii=False))
        elif event["event"] == "qr":
            self._draw(event)
        else:
            self.stdout.write(_sentence(event))
        self.stdout.flush()

    def _draw(self, event: Event) -> None:
        code = qrcode.QRCode(border=2)
        code.add_data(event["code"])
        self.stdout.write(
            _("Code %(k)s of %(of)s: scan it in WhatsApp under Linked devices.")
            % {"k": event["k"], "of": event["of"]}
        )
        # Light blocks on a dark terminal: cameras want a light border.
        drawing = io.StringIO()
        code.print_ascii(out=drawing, invert=True)
        self.stdout.write(drawing.getvalue())


def _sentence(event: Event) -> str:
    if event["event"] == "paired":
        return _("Scanned; the first login follows.")
    if event["event"] == "connected":
        return _("Connected.")
    return str(event["text"])
