"""A session never outlives its deadline, its host or its forkserver."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sessions.client.linux_process import start_time
from tests.client.session_driver import sandbox_environment
from tests.processes import ROOT, environment, wait_until

SECONDS = 2.0


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (e.partition(":") for e in lines)}


class Host:
    """tests/client/host_process.py, and the processes it told of."""

    def __init__(self, directory: Path, sandbox_directory: Path) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [
                sys.executable,
                "tests/client/host_process.py",
                str(directory),
                str(sandbox_directory),
                str(SECONDS),
            ],
            cwd=ROOT,
            env=environment(directory, PYTHONPATH=str(ROOT), SECRET_KEY="sesame"),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.processes = json.loads(self.process.stdout.readline())

    def pid(self, name: str) -> int:
        return self.processes[name][0]

    def lives(self, name: str) -> bool:
        pid, born = self.processes[name]
        try:
            return start_time(pid) == born and not status(pid)["State"].startswith("Z")
        except OSError:
            return False

    def seconds_alive(self, name: str) -> float:
        """When it was last seen alive: looking late adds nothing to it."""
        began = time.monotonic()
        seen = [began]

        def gone() -> bool:
            now = time.monotonic()
            if self.lives(name):
                seen.append(now)
                return False
            return True

        wait_until(gone, f"the end of the {name}")
        return seen[-1] - began

    def close(self) -> None:
        for name in ("host", "forkserver", "session"):
            if self.lives(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid(name), signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def host(tmp_path, sandbox):
    directory = Path(sandbox.description["ca_file"]).parent
    host = Host(tmp_path, directory)
    yield host
    host.close()


def test_renewals_keep_it_alive_and_a_frozen_host_does_not(host):
    time.sleep(SECONDS * 1.5)
    assert host.lives("session")
    os.kill(host.pid("host"), signal.SIGSTOP)
    assert host.seconds_alive("session") <= SECONDS + 0.2


def test_a_frozen_session_dies_as_soon_as_it_wakes(host):
    os.kill(host.pid("session"), signal.SIGSTOP)
    os.kill(host.pid("host"), signal.SIGSTOP)
    time.sleep(SECONDS + 0.3)
    os.kill(host.pid("session"), signal.SIGCONT)
    assert host.seconds_alive("session") < 0.5


def test_a_killed_host_takes_session_and_forkserver_along(host):
    os.kill(host.pid("host"), signal.SIGKILL)
    assert host.seconds_alive("session") < 1.0
    assert host.seconds_alive("forkserver") < 1.0


def test_a_killed_forkserver_takes_the_session_along(host):
    os.kill(host.pid("forkserver"), signal.SIGKILL)
    assert host.seconds_alive("session") < 0.5


def test_go_neither_catches_nor_blocks_the_alarm(host):
    alarm = 1 << (signal.SIGALRM - 1)
    loaded = status(host.pid("session"))
    assert int(loaded["SigCgt"], 16) & (1 << (signal.SIGSEGV - 1)), "Go is not loaded"
    for mask in ("SigCgt", "SigIgn", "SigBlk"):
        assert not int(loaded[mask], 16) & alarm
    for task in Path(f"/proc/{host.pid('session')}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            lines = (task / "status").read_text().splitlines()
            masks = dict(line.split(":", 1) for line in lines)
            assert not int(masks["SigBlk"], 16) & alarm


def test_the_main_script_is_imported_by_the_host_alone(host):
    imports = (host.directory / "imports").read_text().split()
    assert imports == [str(host.pid("host")), "__main__"]


@pytest.mark.parametrize("name", ["forkserver", "session"])
def test_the_environment_holds_the_allow_list_alone(host, sandbox, name):
    block = Path(f"/proc/{host.pid(name)}/environ").read_bytes()
    pairs = dict(os.fsdecode(e).split("=", 1) for e in block.split(b"\0") if e)
    expected = sandbox_environment(sandbox.description) | {
        "GOMAXPROCS": "1",
        "GOGC": "30",
        "NEONIZE_BOT_TAG": "off",
        "PYTHONPATH": str(ROOT),
    }
    assert expected.items() <= pairs.items()
    assert pairs.keys() - expected.keys() <= {"PATH", "HOME", "LANG"}


def test_no_process_but_the_host_itself_knows_its_secrets(host):
    """Also not multiprocessing's resource tracker, which is the host's child too."""
    threads = Path(f"/proc/{host.pid('host')}/task").iterdir()
    pids = {int(pid) for t in threads for pid in (t / "children").read_text().split()}
    assert len(pids) == 2
    for pid in pids:
        assert b"sesame" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"sesame" in Path(f"/proc/{host.pid('host')}/environ").read_bytes()


def test_the_session_holds_no_foreign_descriptors(host):
    links = {}
    for entry in Path(f"/proc/{host.pid('session')}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links[int(entry.name)] = os.readlink(entry)
    kinds = sorted(_kind(link, host.directory / "phone") for link in links.values())
    assert "?" not in kinds, links
    assert kinds.count("socket") <= 2, "more than the host and WhatsApp"
    assert kinds.count("pipe") <= 1, "more than the sign of the host's life"
    assert links[1] == links[2] == str(host.directory / "phone" / "stderr.log")


def _kind(link: str, directory: Path) -> str:
    if link.startswith(("socket:", "pipe:")):
        return link.partition(":")[0]
    if link in ("/dev/null", "anon_inode:[eventpoll]", "anon_inode:[eventfd]"):
        return "harmless"
    if link.startswith("/sys/fs/cgroup/"):
        return "harmless"  # the Go runtime watches its CPU limit
    return "own" if link.startswith(str(directory)) else "?"
