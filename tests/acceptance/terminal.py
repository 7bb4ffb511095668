"""`manage.py …` as a person at a terminal runs it, on the fleet's database."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.fleet import Fleet
from tests.processes import ROOT, manage

Event = dict[str, Any]


@dataclass
class Answer:
    """How a command ended, and the JSON lines it printed."""

    status: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[Event]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def line(self) -> Event:
        (only,) = self.lines
        return only


def run(fleet: Fleet, *arguments: object, **environment: str) -> Answer:
    """Run a command to its end; the words of a person after it, never a traceback."""
    env = fleet.environment(fleet.directory / "terminal") | environment
    done = manage(*map(str, arguments), env=env)
    assert "Traceback" not in done.stderr, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


@dataclass
class LinkCommand:
    """A running `manage.py link PHONE --json`, read line by line."""

    process: subprocess.Popen[str]
    seen: list[Event] = field(default_factory=list)

    def next(self) -> Event:
        """The next object it prints; fails when it ends instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended after {self.seen}"
        self.seen.append(json.loads(line))
        return self.seen[-1]

    def rest(self) -> tuple[int, list[Event]]:
        """Exit status and what it still prints."""
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]


@contextmanager
def linking(env: dict[str, str], phone: object) -> Iterator[LinkCommand]:
    """`manage.py link --json`; a command that hangs is ended after a minute."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "link", str(phone), "--json"],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        yield LinkCommand(process)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
