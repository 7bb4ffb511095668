"""`manage.py sandbox`: a WhatsApp on this machine, without the portal around it."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from phones.management.person_command import PersonCommand
from phones.portal import sandbox_realm


class Command(PersonCommand):
    help = "Run the loopback WhatsApp alone; `portal --sandbox` runs it by itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--directory", help="default: DATA_DIR/sandbox")
        parser.add_argument("--port", type=int, default=0, help="of the proxy")
        parser.add_argument("--control-port", type=int, default=0)

    def handle(
        self, *, directory: str | None, port: int, control_port: int, **options: Any
    ) -> None:
        sandbox_realm.enter()
        if reason := sandbox_realm.refusal():
            raise CommandError(reason)
        os.execv(  # noqa: S606
            sys.executable,
            [
                sys.executable,
                "-m",
                "sessions.sandbox",
                f"--directory={directory or settings.WHATSAPP_SANDBOX_DIR}",
                f"--port={port}",
                f"--control-port={control_port}",
            ],
        )
