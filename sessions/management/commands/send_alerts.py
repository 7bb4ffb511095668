"""Raises alerts and tells them, also when no server runs any session."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import CommandError, CommandParser

from phones.management.person_command import PersonCommand
from sessions.alerts.rounds import AlertRounds, running_rounds
from sessions.host.entry import check_installation
from sessions.host.identity import HostRefused


class Command(PersonCommand):
    help = (
        "Notice what needs a person and tell WHATSAPP_ALERT_URL, until SIGTERM. Hosts "
        "do the same; this one is for the time when they are gone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="one round, then exit")

    def handle(self, *, once: bool, **options: Any) -> None:
        try:
            check_installation()
        except HostRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        if once:
            changed, sent = AlertRounds().once()
            self.say(
                f"{changed} alerts changed, {sent} messages sent",
                ok=True,
                changed=changed,
                sent=sent,
            )
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with running_rounds(AlertRounds()):
            stop.wait()
