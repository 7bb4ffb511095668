#!/usr/bin/env python
"""Entry point of all commands."""

from __future__ import annotations

import os
import sys

DAEMONS = (["run_sessions"], ["send_alerts"])  # they need nothing of the web


def start_forkserver() -> None:
    """For run_sessions: before Django, and so before any database connection.

    It loads the WhatsApp library while Django loads its own.
    """
    from config.dotenv import read_dotenv
    from sessions.client import forkserver

    read_dotenv()
    forkserver.start(os.environ, {})


def main() -> None:
    settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = sys.argv[1:2]
    if command in DAEMONS and settings == "config.settings":
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.host_settings"
    if command == ["run_sessions"]:
        start_forkserver()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Switchboard does not start: {error}")


if __name__ == "__main__":
    main()
