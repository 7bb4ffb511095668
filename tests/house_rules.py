"""Rules for every test: no network, no skip in CI, one database at a time."""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

POSTGRESQL = os.environ.get("TEST_DATABASE") == "postgresql"
CI = os.environ.get("CI", "") not in {"", "0", "false"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE_MODULES = Path(__file__).parent / "baileys" / "node_modules"
NODE = shutil.which("node") if (NODE_MODULES / "baileys").is_dir() else None
# Marked parts that are left out where this is missing, and how to get it.
NEEDED = {
    "browser": (CHROMIUM, "no Chromium: apt install chromium"),
    "baileys": (NODE, "no Node 20 with its packages: apt install nodejs npm"),
}
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}

_outside: list[str] = []
_left_out: set[str] = set()


def refuse_outside_connections(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook: a connection beyond 127.0.0.1 raises, and fails its test."""
    if event not in {"socket.connect", "socket.sendto"}:
        return
    address = arguments[1]
    if not isinstance(address, tuple):
        return  # a Unix socket
    host = str(address[0]).partition("%")[0]
    try:
        inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        _outside.append(host)
        raise ConnectionRefusedError(f"tests may not connect to {host}")


def pytest_configure() -> None:
    sys.addaudithook(refuse_outside_connections)


@pytest.fixture(autouse=True)
def only_loopback() -> Iterator[None]:
    _outside.clear()
    yield
    if _outside:
        pytest.fail(f"the test tried to reach {', '.join(_outside)}")


def _touches_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return bool(DATABASE_FIXTURES.intersection(fixtures)) or bool(
        item.get_closest_marker("django_db")
    )


def _wanted(item: pytest.Item) -> bool:
    missing = [
        part
        for part, (found, _) in NEEDED.items()
        if found is None and item.get_closest_marker(part)
    ]
    if missing:
        _left_out.update(missing)
        return False
    if POSTGRESQL:
        return _touches_database(item) and not item.get_closest_marker("sqlite")
    return not item.get_closest_marker("postgresql")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The other database's tests run in the other pass of `make test`."""
    items[:] = [item for item in items if _wanted(item)]
    for item in items:
        if "sandbox" in getattr(item, "fixturenames", ()):
            item.add_marker("client")


def pytest_report_header() -> str:
    if POSTGRESQL:
        return "database: PostgreSQL (tests that touch it; all others run on SQLite)"
    return "database: SQLite"


def _no_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    _no_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    _no_skip(report)
    return report


def pytest_testnodedown(node: Any) -> None:
    """Of two workers: only they have collected."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = sorted(_left_out)
    if _left_out and CI and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure() -> None:
    for part in sorted(_left_out):
        print(f"\nNOT RUN: {part}  ({NEEDED[part][1]})")  # noqa: T201
