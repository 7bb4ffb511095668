from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sessions.auth.keys import ensure_stamp
from sessions.client import forkserver
from sessions.models import Stamp
from tests.acceptance.fleet import Fleet
from tests.client.session_driver import SessionDriver, sandbox_environment
from tests.processes import heal

PEER = "77010000042"


@pytest.fixture
def fleet(transactional_db, sandbox, settings, tmp_path: Path) -> Iterator[Fleet]:
    """Hosts of the sandbox's realm on the test database; all are ended afterwards."""
    settings.WHATSAPP_REALM = "sandbox"
    Stamp.objects.all().delete()
    ensure_stamp()
    sandbox.reset_statistics()
    fleet = Fleet(
        sandbox=sandbox,
        sandbox_directory=Path(sandbox.description["ca_file"]).parent,
        directory=tmp_path,
        # Which host has which phone is a test's own business.
        settings={
            "WHATSAPP_STARTS_PER_SECOND": "0",
            "WHATSAPP_REBALANCE_PAUSE": "3600",
        },
    )
    try:
        yield fleet
    finally:
        fleet.close()
        sys.stderr.writelines(f"{line}\n" for line in fleet.troubles())
        heal(sandbox)
        Stamp.objects.all().delete()
    assert not fleet.faults()


@pytest.fixture
def peer(fleet: Fleet) -> Iterator[SessionDriver]:
    """A stranger's linked device, outside the product; `jid` is its own."""
    described = fleet.sandbox.description
    forkserver.start(os.environ, sandbox_environment(described))
    driver = SessionDriver.create(fleet.directory / "peer", described)
    driver.jid = driver.pair(fleet.sandbox, PEER)
    yield driver
    driver.close()
    forkserver.stop()


_figures: list[str] = []


@pytest.fixture
def report() -> Callable[[str], None]:
    """Say what was measured; shown at the end of the run, also when all is well."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("measured")
        for line in _figures:
            terminalreporter.write_line(line)
