"""neonize shared by fork: what the forkserver holds, what a child makes of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sessions.client import deferred_library, neonize_library
from tests.client import inspections
from tests.client.conftest import ask
from tests.processes import ROOT


def test_children_share_an_import_without_library_threads_or_django(
    sandbox_forkserver,
):
    found = ask(inspections.before_loading)
    assert "neonize.client" in found["modules"]
    assert found["threads"] == 1
    assert found["mapped"] == []
    assert found["frozen"] > 10_000
    for foreign in ("django", "psycopg", "sqlite3", "config", "sessions.models"):
        assert foreign not in found["modules"]


def test_the_library_is_bound_with_the_signatures_of_a_plain_import(
    sandbox_forkserver,
):
    found = ask(inspections.after_loading)
    plain = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.client.inspections"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    expected = json.loads(plain.stdout)
    assert len(expected) > 90
    assert found["signatures"] == expected
    assert found["preloaded"]
    assert found["version"] == neonize_library.VERSION
    assert found["mapped"] > 0
    assert found["same_everywhere"]
    assert found["log_worker"]
    assert len(found["python_threads"]) == 2


def test_another_version_means_a_plain_import(monkeypatch, caplog):
    monkeypatch.setattr(neonize_library, "VERSION", "0.5.1")
    assert not neonize_library.import_deferred()
    assert neonize_library._deferred is None
    assert "neonize is 0.5.2" in caplog.text
    assert "neonize" not in sys.modules


def test_a_function_called_during_the_import_is_a_surprise():
    with deferred_library.loading_deferred(lambda name: True, "1") as made:
        library = deferred_library.ctypes.CDLL("/nowhere/neonize-x.so")
        assert library.GetVersion() == b"1"
        with pytest.raises(deferred_library.DeferredLibraryError):
            library.Neonize()
    assert made == [library]


def test_a_missing_function_is_missed_when_it_is_used():
    library = deferred_library.DeferredLibrary("libc.so.6", "1")
    library.no_such_function.restype = None
    with pytest.raises(AttributeError, match="GetVersion"):
        library.bind()
    with pytest.raises(AttributeError, match="no_such_function"):
        library.no_such_function()


def test_the_wrong_version_is_not_bound(monkeypatch):
    class Other:
        def GetVersion(self):
            return b"2"

    monkeypatch.setattr(deferred_library.ctypes, "CDLL", lambda path: Other())
    with pytest.raises(deferred_library.DeferredLibraryError, match="b'2'"):
        deferred_library.DeferredLibrary("x", "1").bind()
