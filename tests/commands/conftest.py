from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

import pytest
from django.core.management import load_command_class
from django.utils import timezone

from sessions.models import Host


@dataclass
class Outcome:
    status: int
    stdout: str
    stderr: str
    lines: list[dict] = field(default_factory=list)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run one of our commands as `manage.py` does, in this process.

    `pause` stands in for the command's waiting: it plays the host.
    """
    apps = {"add_phone": "phones", "portal": "phones"}
    # The command's `finally` would close the test's own connection.
    monkeypatch.setattr(
        "phones.management.person_command.connections.close_all", lambda: None
    )

    def run(name, *arguments, pause=None):
        command = load_command_class(apps.get(name, "sessions"), name)
        command.stdout._out, command.stderr._out = io.StringIO(), io.StringIO()
        if pause is not None:
            command.pause = pause
        try:
            command.run_from_argv(["manage.py", name, *map(str, arguments)])
            status = 0
        except SystemExit as end:
            status = end.code
        stdout = command.stdout._out.getvalue()
        lines = (
            [json.loads(line) for line in stdout.splitlines()]
            if "--json" in arguments
            else []
        )
        return Outcome(status, stdout, command.stderr._out.getvalue(), lines)

    return run


@pytest.fixture
def host(db):
    return Host.objects.create(
        name="server-1", started_at=timezone.now(), beat_at=timezone.now()
    )


def never(seconds):
    raise AssertionError("the command waited, though nothing was to wait for")
