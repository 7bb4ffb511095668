"""Hosts as processes of their own, on the test's database, against the sandbox."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import Pairing, PairingState, PhoneLease, SessionFacts
from sessions.sandbox.control import SandboxControl
from tests.processes import ROOT, environment, wait_until

HAND_OVER_SECONDS = 60.0  # as the unit of systemd gives it


def database_url() -> str:
    """The test database, as a process of its own is told."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    directory = connection.get_connection_params().get("host", "")
    return f"postgresql://postgres:@/{database['NAME']}?host={directory}"


@dataclass
class HostProcess:
    """One `manage.py run_sessions`."""

    name: str
    directory: Path
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def session_pids(self) -> list[int]:
        """All descendants that run a session: children of its forkserver."""
        return [
            pid
            for forkserver in children_of(self.process.pid)
            for pid in children_of(forkserver)
        ]

    def forkserver_pid(self) -> int:
        """The child that has session processes for children."""
        candidates = children_of(self.process.pid)
        return max(candidates, key=lambda pid: len(children_of(pid)))

    def kill(self) -> None:
        """kill -9 of the host's pid alone."""
        self.process.kill()
        self.process.wait(10)

    def kill_all(self) -> None:
        """kill -9 of the host, its forkserver and its sessions at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def freeze(self) -> None:
        """SIGSTOP of the host's pid alone."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def terminate(self, patience: float = HAND_OVER_SECONDS) -> int:
        """SIGTERM; the exit status when all phones are handed over."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)


def children_of(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    found: list[int] = []
    for task in tasks:
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def is_alive(pid: int) -> bool:
    """Runs, or could go on running; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


@dataclass
class Fleet:
    """Hosts on one database; phones are linked through the product's own verbs."""

    sandbox: SandboxControl
    sandbox_directory: Path
    directory: Path
    hosts: list[HostProcess] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, data_dir: Path) -> dict[str, str]:
        described = self.sandbox.description
        return environment(
            data_dir,
            DATABASE_URL=database_url(),
            SECRET_KEY=settings.SECRET_KEY,
            AUTH_KEYS=",".join(settings.AUTH_KEYS),
            WHATSAPP_REALM="sandbox",
            WHATSAPP_SANDBOX_DIR=str(self.sandbox_directory),
            HTTPS_PROXY=described["proxy"],
            SSL_CERT_FILE=described["ca_file"],
            SSL_CERT_DIR=f"{described['ca_file']}.none",
            **self.settings,
        )

    def launch_host(
        self, name: str = "one", directory: Path | None = None, **extra: str
    ) -> HostProcess:
        """Start the process and return at once."""
        directory = directory or self.directory / name
        log_path = self.directory / f"{name}-{len(self.hosts)}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "run_sessions", "--host-name", name],
                cwd=ROOT,
                env=self.environment(directory) | extra,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        host = HostProcess(name, directory, process, log_path)
        self.hosts.append(host)
        return host

    def start_host(
        self, name: str = "one", directory: Path | None = None, **extra: str
    ) -> HostProcess:
        """Returns when the host has said that it started."""
        host = self.launch_host(name, directory, **extra)
        process = host.process
        wait_until(
            lambda: "host started" in host.log or process.poll() is not None,
            f"the start of host {name}",
        )
        assert process.poll() is None, host.log
        return host

    def close(self) -> None:
        for host in self.hosts:
            pids = host.session_pids()
            if host.process.poll() is None:
                host.kill_all()
            wait_until(
                lambda pids=pids: not any(is_alive(pid) for pid in pids),
                "the end of the session processes",
            )

    def faults(self) -> list[str]:
        """What the hosts' loops and keepers caught as unexpected."""
        return [host.log for host in self.hosts if "Traceback" in host.log]

    def troubles(self) -> list[str]:
        """What the hosts warned of, and how sessions ended."""
        return [
            f"{host.log_path.stem}: {line}"
            for host in self.hosts
            for line in host.log.splitlines()
            if re.search(" (WARNING|ERROR) | session ended ", line)
        ]

    def wait(self, condition: Any, what: str, patience: float = 20.0) -> Any:
        """As wait_until; a failure also tells what the hosts logged."""
        try:
            return wait_until(condition, what, patience)
        except AssertionError as error:
            logs = "\n".join(f"--- {h.name}\n{h.log[-4000:]}" for h in self.hosts)
            raise AssertionError(f"{error}\n{logs}") from error

    # -- phones ------------------------------------------------------------------------

    def link(self, phone: OrganizationPhone) -> str:
        """Link through a simulated phone; returns the JID when it is connected."""
        verbs.link(phone)
        code = self.wait_code(phone)
        jid: str = self.sandbox.scan(code, phone.phone_number)
        self.wait_status(phone, Status.CONNECTED)
        return jid

    def link_all(self, phones: list[OrganizationPhone]) -> list[str]:
        """As `link`, side by side; JIDs in the order of the phones."""
        for phone in phones:
            verbs.link(phone)
        jids = [
            self.sandbox.scan(self.wait_code(phone), phone.phone_number)
            for phone in phones
        ]
        self.wait_all(phones, Status.CONNECTED, patience=60)
        return jids

    def wait_all(
        self, phones: list[OrganizationPhone], status: Status, patience: float = 20.0
    ) -> float:
        """Seconds until all of the phones have this status."""
        began = time.monotonic()
        for phone in phones:
            rest = patience - (time.monotonic() - began)
            self.wait_status(phone, status, patience=max(rest, 1.0))
        return time.monotonic() - began

    def wait_logins(self, jids: list[str], count: int, patience: float = 20.0) -> float:
        """Seconds until the sandbox has seen this many logins of each device.

        A status alone may be from before the crash that a test has just made.
        """
        began = time.monotonic()

        def all_there() -> bool:
            logins = {
                device["jid"]: device["logins"]
                for account in self.sandbox.state()["accounts"]
                for device in account["devices"]
            }
            time.sleep(0.05)  # the sandbox has work to do
            return all(logins.get(jid, 0) >= count for jid in jids)

        self.wait(all_there, f"{count} logins each", patience)
        return time.monotonic() - began

    def wait_code(self, phone: OrganizationPhone) -> str:
        def code() -> str | None:
            phone.refresh_from_db()
            return phone.qr_code

        return str(self.wait(code, "a QR code"))

    def wait_status(
        self, phone: OrganizationPhone, *statuses: Status, patience: float = 20.0
    ) -> float:
        """Seconds it took; fails with what the phone says instead."""
        began = time.monotonic()

        def reached() -> bool:
            phone.refresh_from_db()
            return phone.status in statuses

        try:
            self.wait(reached, f"status {statuses}", patience)
        except AssertionError as error:
            facts = SessionFacts.objects.filter(phone=phone).values().first()
            raise AssertionError(f"{phone.status} {facts}: {error}") from error
        return time.monotonic() - began

    def pairing(self, phone: OrganizationPhone) -> Pairing:
        return Pairing.objects.filter(phone=phone).latest("id")

    def wait_pairing(
        self, phone: OrganizationPhone, *states: PairingState, patience: float = 20.0
    ) -> Pairing:
        self.wait(
            lambda: self.pairing(phone).state in states, f"pairing {states}", patience
        )
        return self.pairing(phone)

    def session_pid(self, phone: OrganizationPhone) -> int | None:
        return PhoneLease.objects.get(phone=phone).session_pid

    def device(self, jid: str) -> dict[str, Any]:
        """The device as the sandbox sees it; fails when it has none of this JID."""
        for account in self.sandbox.state()["accounts"]:
            for device in account["devices"]:
                if device["jid"] == jid:
                    return dict(device)
        raise AssertionError(f"the sandbox has no device {jid}")
