"""How each fault of a plan is done to the stage, and taken back."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sessions import verbs
from sessions.host.leftovers import start_time_of
from sessions.models import PhoneRequest
from sessions.sandbox.control import ControlError
from sessions.verbs import VerbRefused
from tests.acceptance.fleet import is_alive
from tests.chaos.evidence import Applied
from tests.chaos.plan import Fault
from tests.chaos.stage import Stage

KILL_SECONDS = 2.0
ENDING_SECONDS = 5.0  # a session that is told to stop has 2 s
Undo = Callable[[], None]


class Skipped(Exception):
    """There was nothing to do it to: a phone without a process, no database to ask."""


@dataclass
class Hand:
    """Does faults; `applied` grows when a fault is taken back, or at once."""

    stage: Stage
    applied: list[Applied] = field(default_factory=list)
    undetected: list[str] = field(default_factory=list)

    def do(self, fault: Fault) -> Undo | None:
        """Do it now; gives what takes it back, None when nothing is to be."""
        began = time.time()
        numbers: frozenset[str] | None = frozenset(
            self.stage.phones[number].phone_number for number in fault.phones
        )
        if fault.host is not None:
            numbers = self.stage.phones_of(fault.host)
        elif not fault.phones:
            numbers = None
        name = fault.kind.rpartition("_")[0] if "_5" in fault.kind else fault.kind
        try:
            undo: Undo | None = getattr(self, f"_{name}")(fault)
        except (Skipped, VerbRefused, ControlError) as why:
            self.applied.append(Applied(fault, began, began, numbers, str(why)))
            return None
        if undo is None:
            self.applied.append(Applied(fault, began, time.time(), numbers))
            return None
        taken_back = undo

        def take_back() -> None:
            taken_back()
            self.applied.append(Applied(fault, began, time.time(), numbers))

        return take_back

    # -- processes ---------------------------------------------------------------------

    def _kill_session(self, fault: Fault) -> None:
        for pid in self._pids(fault):
            _kill(pid)

    def _kill_host(self, fault: Fault) -> Undo:
        return self._end_host(fault, signal.SIGKILL)

    def _stop_host(self, fault: Fault) -> Undo:
        return self._end_host(fault, signal.SIGTERM)

    def _end_host(self, fault: Fault, number: signal.Signals) -> Undo:
        assert fault.host is not None
        host = fault.host
        if self.stage.hosts[host].process.poll() is not None:
            raise Skipped("it does not run")
        self.stage.down[host] = time.time()
        self.stage.hosts[host].process.send_signal(number)
        return lambda: self.stage.start_host(host)

    def _freeze_host(self, fault: Fault) -> Undo:
        assert fault.host is not None
        process = self.stage.hosts[fault.host]
        if process.process.poll() is not None:
            raise Skipped("it does not run")
        process.freeze()
        return process.wake

    def _kill_web(self, fault: Fault) -> Undo:
        web = self.stage.web
        assert web is not None
        if self.stage.web_down or web.poll() is not None:
            raise Skipped("it does not run")
        self.stage.web_down = True
        web.kill()
        web.wait(10)

        def start() -> None:
            self.stage.start_web()
            self.stage.web_down = False

        return start

    def _kill_postgres(self, fault: Fault) -> Undo:
        self.stage.kill_postgres()
        return self.stage.start_postgres

    # -- the wire ----------------------------------------------------------------------

    def _refuse_connections(self, fault: Fault) -> Undo:
        sandbox = self.stage.fleet.sandbox
        sandbox.fault("refuse_connections", seconds=fault.seconds + 60)
        return lambda: _ignore(sandbox.fault("refuse_connections", seconds=0))

    def _reset(self, fault: Fault) -> None:
        self._each(fault, "drop")

    def _close(self, fault: Fault) -> None:
        self._each(fault, "close")

    def _stream_error(self, fault: Fault) -> None:
        self._each(fault, "stream_error", code=int(fault.kind.rpartition("_")[2]))

    def _mute_keepalive(self, fault: Fault) -> Undo:
        self._each(fault, "mute", what="pings")
        return lambda: self._each(fault, "unmute")

    def _each(self, fault: Fault, kind: str, **options: object) -> None:
        for number in fault.phones:
            jid = self.stage.jids[number]
            self.stage.fleet.sandbox.fault(kind, jid=jid, **options)

    def _unlink(self, fault: Fault) -> None:
        for number in fault.phones:
            self.stage.fleet.sandbox.unlink(self.stage.jids[number])

    # -- store files -------------------------------------------------------------------

    def _full_disk(self, fault: Fault) -> Undo:
        """The session may write no more; a text that it sends makes it try."""
        (pid,) = self._pids(fault)
        started, phone = start_time_of(pid), self.stage.phones[fault.phones[0]]
        peer = self.stage.phones[(fault.phones[0] + 1) % len(self.stage.phones)]

        def send() -> PhoneRequest:
            phone.refresh_from_db()
            return verbs.send(phone, to=peer.phone_number, text="chaos")

        _limit(pid, 0)
        try:
            request = self.stage.ask(send)
        except VerbRefused:
            _limit(pid, resource.RLIM_INFINITY)
            raise

        def lives() -> bool:
            return start_time_of(pid) == started and is_alive(pid)

        def free() -> None:
            failed = request is not None and self.stage.ask(_failed, request)
            # The answer to the text is written before the session ends for it.
            if failed and not _comes(lambda: not lives(), ENDING_SECONDS):
                self.undetected.append(phone.phone_number)
            if lives():
                _limit(pid, resource.RLIM_INFINITY)

        return free

    def _corrupt_store(self, fault: Fault) -> None:
        (number,) = fault.phones
        lease = self.stage.leases().get(number)
        host = self.stage.host_of(lease) if lease is not None else None
        (pid,) = self._pids(fault)
        if host is None:
            raise Skipped("no host has it")
        _kill(pid)
        phone = self.stage.phones[number].pk
        store = host.directory / "stores" / f"phone-{phone}.sqlite3"
        if store.exists():
            DAMAGES[fault.options["damage"]](store)

    def _pids(self, fault: Fault) -> list[int]:
        leases = self.stage.leases()
        found = [
            lease.session_pid
            for number in fault.phones
            if (lease := leases.get(number)) is not None
            and lease.session_pid is not None
            and start_time_of(lease.session_pid) == lease.session_start_time
        ]
        if not found:
            raise Skipped("no session process")
        return found


def _failed(request: PhoneRequest) -> bool:
    """It was tried and could not be: nobody may have been there to try it, and a
    session that has just lost its connection does not try."""
    request.refresh_from_db()
    tried = "not connected" not in str(request.answer.get("error"))
    return tried and request.result == PhoneRequest.Result.FAILED


def _ignore(_: object) -> None:
    return None


def _kill(pid: int) -> None:
    """Returns when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _comes(lambda: not is_alive(pid), KILL_SECONDS)


def _comes(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _limit(pid: int, size: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def garbage(store: Path) -> None:
    store.write_bytes(b"not a database, but as long as one " * 500)


def torn(store: Path) -> None:
    """As after a crash of the disk: pages in the middle are zeros."""
    with store.open("r+b") as file:
        file.seek(store.stat().st_size // 4)
        file.write(bytes(store.stat().st_size // 2))


def empty(store: Path) -> None:
    store.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": garbage,
    "torn": torn,
    "empty": empty,
}
