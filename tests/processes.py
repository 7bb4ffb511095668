"""Processes that tests start: our commands, daemons and the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sessions.sandbox.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 20.0  # seconds until something that should happen counts as missing


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    """An environment for a process of its own installation in `data_dir`.

    SQLite inside it unless DATABASE_URL is given in `extra`.
    """
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "TEST_DIRECTORY")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(data_dir),
        "PYTHONWARNINGS": "default",
        **extra,
    }


def manage(
    *arguments: str, env: dict[str, str], **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end; text of stdout and stderr apart."""
    options.setdefault("timeout", 60)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def wait_until(
    condition: Any, what: str, patience: float = PATIENCE, *, pause: float = 0.02
) -> Any:
    """The first true value of `condition()`; fails naming `what` when none comes."""
    deadline = time.monotonic() + patience
    while True:
        # Looked at first: this process itself may have stood still.
        is_last = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if is_last:
            raise AssertionError(f"{what} did not happen within {patience:.0f} s")
        time.sleep(pause)


@contextmanager
def running_sandbox(directory: Path, log: Any = None) -> Iterator[Any]:
    """`python -m sessions.sandbox`; yields a SandboxControl, ends it afterwards.

    `log`: a file for its lines; by default they go where the test's go.
    """
    from sessions.sandbox.control import SandboxControl

    process = subprocess.Popen(
        [sys.executable, "-m", "sessions.sandbox", "--directory", str(directory)],
        cwd=ROOT,
        env=environment(directory),
        stderr=log,
    )
    try:
        wait_until(
            lambda: (directory / "sandbox.json").exists() or process.poll() is not None,
            "the sandbox's start",
        )
        assert process.poll() is None, "the sandbox ended at its start"
        yield SandboxControl(directory)
    finally:
        process.terminate()
        process.wait(10)


def heal(sandbox: Any) -> None:
    """Make it as it was at its start: no accounts, no faults, its own settings."""
    sandbox.settings(**asdict(Settings()))
    sandbox.fault("calm")
    for account in sandbox.state()["accounts"]:
        sandbox.forget(account["number"])
