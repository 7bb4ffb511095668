"""The host: keeps the phones of this server connected until SIGTERM."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError

from config.env import usable_directory
from sessions.host.entry import run_host
from sessions.host.identity import HostRefused


class Command(BaseCommand):
    # Their imports would cost a second; `migrate` and the web run them.
    requires_system_checks: list[str] = []
    help = "Run the sessions of this server. SIGTERM hands them over and exits 0."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host-name", help="default: the machine's name")
        parser.add_argument("--capacity", type=int, help="phones at most (default 200)")

    def handle(
        self, *, host_name: str | None, capacity: int | None, **options: Any
    ) -> None:
        try:
            usable_directory(settings.DATA_DIR)
            run_host(name=host_name, capacity=capacity)
        except (HostRefused, ImproperlyConfigured) as refusal:
            raise CommandError(str(refusal)) from refusal
        except OperationalError as error:
            raise CommandError(
                f"The database does not answer: {str(error).strip()}. Check "
                "DATABASE_URL and that the server runs, then start again."
            ) from error
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used: {str(error).strip()}. Check "
                "DATABASE_URL."
            ) from error
