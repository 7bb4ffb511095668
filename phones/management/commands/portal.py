"""`manage.py portal`: the whole product on one machine, by one command."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connection, connections

from phones.management.person_command import PersonCommand
from phones.portal import sandbox_realm
from phones.portal.children import Child
from phones.portal.first_admin import make_first_admin
from phones.portal.supervisor import Supervisor

logger = logging.getLogger(__name__)

MIGRATION_LOCK = 0x5357_4247  # any number; the same for every portal
LISTENING_POLL = 0.1  # seconds between looks whether the web answers


class Command(PersonCommand):
    help = (
        "Migrate, make the first admin, then run the web, the session host and the "
        "alerts until Ctrl+C. With --sandbox: against a WhatsApp on this machine, no "
        "phone needed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--address", default="127.0.0.1", help="to listen on")
        parser.add_argument("--no-host", action="store_true", help="only the web")
        parser.add_argument("--sandbox", action="store_true")

    def handle(
        self,
        *,
        port: int,
        address: str,
        no_host: bool,
        sandbox: bool,
        **options: Any,
    ) -> None:
        if sandbox:
            sandbox_realm.enter()
            if reason := sandbox_realm.refusal():
                raise CommandError(reason)
        elif settings.SANDBOX:
            raise CommandError("WHATSAPP_REALM=sandbox: run `portal --sandbox`.")
        _refuse_busy_port(address, port)
        _prepare_database()
        self._show_first_admin()
        connections.close_all()
        with suppress(OSError):  # whitenoise warns in each web process without it
            settings.STATIC_ROOT.mkdir(exist_ok=True)
        web = _child("web", *_daphne(address, port))
        host = _child("host", "manage.py", "run_sessions")
        alerts = _child("alerts", "manage.py", "send_alerts")
        wanted = [web, alerts] if no_host else [web, host, alerts]
        with self._sandbox([*wanted]) if sandbox else _no_sandbox() as extra:
            Supervisor(
                [*extra, *wanted],
                stop_order=[host, alerts, web, *extra],
                each_turn=partial(self._announce, _Listening(address, port)),
            ).run()
        self._print("Stopped.")

    @contextmanager
    def _sandbox(self, children: list[Child]) -> Iterator[list[Child]]:
        directory = Path(settings.WHATSAPP_SANDBOX_DIR)
        child = _child(
            "sandbox", "-m", "sessions.sandbox", "--directory", str(directory)
        )
        try:
            found = sandbox_realm.start_sandbox(child, directory)
        except TimeoutError as error:
            child.stop(patience=1, hurry=lambda: False)
            raise CommandError(f"The sandbox did not start: {error}.") from error
        for one in children:
            # Alerts leave the sandbox, so they take neither its proxy nor its CA.
            led = found if one.name != "alerts" else {}
            one.environment = {**sandbox_realm.realm_environment(), **led}
        yield [child]

    def _show_first_admin(self) -> None:
        admin = make_first_admin()
        if admin is not None:
            self._print("First start. Sign in with (the password is shown only now):")
            self._print(f"  Username: {admin.username}")
            self._print(f"  Password: {admin.password}")

    def _announce(self, listening: _Listening) -> float | None:
        """Print the address once the web answers there."""
        if listening.told:
            return None
        if listening.answers():
            listening.told = True
            self._print(f"Switchboard is at {listening.url}  (Ctrl+C stops it)")
            return None
        return LISTENING_POLL

    def _print(self, text: str) -> None:
        """A line for the terminal; its other end (`| tee`) may be gone already."""
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except BrokenPipeError:
            self._close_stdout()


class _Listening:
    """Whether the web child answers on its port yet."""

    def __init__(self, address: str, port: int) -> None:
        self.at = (_reachable(address), port)
        host = f"[{self.at[0]}]" if ":" in self.at[0] else self.at[0]
        self.url = f"http://{host}:{port}/"
        self.told = False

    def answers(self) -> bool:
        try:
            socket.create_connection(self.at, timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def _no_sandbox() -> Iterator[list[Child]]:
    yield []


def _reachable(address: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)


def _child(name: str, *arguments: str) -> Child:
    return Child(
        name=name,
        command=[sys.executable, *arguments],
        environment=dict(os.environ),
        directory=settings.BASE_DIR,
    )


def _daphne(address: str, port: int) -> list[str]:
    quiet = ["-v", "0", "--no-server-name"]
    where = ["-b", address, "-p", str(port)]
    return ["-m", "daphne", *quiet, *where, "config.asgi:application"]


def _refuse_busy_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"Port {port} on {address} cannot be used ({error}): another program "
                "may have it. Choose another: `manage.py portal --port 8001`, or "
                "`make run PORT=8001`."
            ) from error


def _prepare_database() -> None:
    with _one_at_a_time():
        _refuse_errors()
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    _refuse_errors()


def _refuse_errors() -> None:
    """The system checks, those of the database too, as sentences."""
    errors = [
        message
        for message in run_checks(databases=["default"])
        if message.level >= ERROR
    ]
    if errors:
        raise CommandError(
            "\n".join(f"{error.msg} {error.hint or ''}".strip() for error in errors)
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two servers that start together may not migrate together."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
