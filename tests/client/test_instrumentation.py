"""Instrumentation that arrives by PYTHONPATH keeps working in every session."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from sessions.client import forkserver
from tests.client.session_driver import SessionDriver, sandbox_environment

WRAPS_CDLL = """
import ctypes, os
real_init = ctypes.CDLL.__init__
def init(self, name, *arguments, **options):
    real_init(self, name, *arguments, **options)
    with open({path!r}, "a") as file:
        file.write(f"{{os.getpid()}} {{name}}\\n")
ctypes.CDLL.__init__ = init
"""
REPLACES_CDLL = """
import ctypes, os
real = ctypes.CDLL
class Traced(real):
    def __init__(self, name, *arguments, **options):
        super().__init__(name, *arguments, **options)
        with open({path!r}, "a") as file:
            file.write(f"{{os.getpid()}} {{name}}\\n")
ctypes.CDLL = Traced
"""
SCANS_AFTER_FORK = """
import os, threading, time
def scan():
    while True:
        with open("/proc/self/maps") as maps:
            mapped = [line for line in maps if "/neonize-" in line and " rw-p " in line]
        if mapped:
            with open({path!r}, "a") as file:
                file.write(f"{{os.getpid()}} {{mapped[0].split()[-1]}}\\n")
            return
        time.sleep(0.01)
def in_child():
    threading.Thread(target=scan, daemon=True).start()
os.register_at_fork(after_in_child=in_child)
"""
STARTS_A_THREAD = """
import os, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
with open({path!r}, "a") as file:
    file.write(f"{{os.getpid()}} started\\n")
"""


@pytest.fixture
def instrumented(sandbox, tmp_path):
    """Start a forkserver whose PYTHONPATH holds a sitecustomize; yield its notes."""

    def start(source: str) -> Callable[[], dict[int, list[str]]]:
        folder = tmp_path / "instrumentation"
        folder.mkdir()
        notes = tmp_path / "notes"
        (folder / "sitecustomize.py").write_text(source.format(path=str(notes)))
        extra = sandbox_environment(sandbox.description)
        forkserver.start(os.environ, {**extra, "PYTHONPATH": str(folder)})

        def read() -> dict[int, list[str]]:
            found: dict[int, list[str]] = {}
            for line in notes.read_text().splitlines():
                pid, _, note = line.partition(" ")
                found.setdefault(int(pid), []).append(note)
            return found

        return read

    yield start
    forkserver.stop()


@pytest.fixture
def session(sandbox, tmp_path):
    drivers: list[SessionDriver] = []

    def create() -> SessionDriver:
        driver = SessionDriver.create(tmp_path / "phone", sandbox.description)
        drivers.append(driver)
        return driver

    yield create
    for driver in drivers:
        driver.close()


@pytest.mark.parametrize("source", [WRAPS_CDLL, REPLACES_CDLL, SCANS_AFTER_FORK])
def test_instrumentation_meets_the_library_in_each_session(
    instrumented, session, sandbox, source
):
    read = instrumented(source)
    driver = session()
    assert driver.wait_for("hello")["preloaded"]
    driver.pair(sandbox, "77054820001")
    met = [note for note in read()[driver.pid] if note.endswith(".so")]
    assert [os.path.basename(note) for note in met if "neonize" in note] == [
        "neonize-linux-amd64.so"
    ]


def test_a_thread_in_the_forkserver_means_a_plain_import(
    instrumented, session, sandbox, capfd
):
    instrumented(STARTS_A_THREAD)
    driver = session()
    assert not driver.wait_for("hello")["preloaded"]
    driver.pair(sandbox, "77054820002")
    assert "plain import" in capfd.readouterr().err
