"""The forkserver: what passes into it, who may use it, how it dies and comes back."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessions.client import forkserver
from sessions.client.environment import session_environment
from sessions.client.forkserver import ForkServerError
from sessions.client.linux_process import start_time
from tests.client.session_driver import SessionDriver, session_settings

SECRETS = {
    "SECRET_KEY": "x",
    "AUTH_KEYS": "x",
    "DATABASE_URL": "x",
    "GOOGLE_APPLICATION_CREDENTIALS": "x",
    "DJANGO_SETTINGS_MODULE": "x",
    "PYTHONSTARTUP": "x",
    "LD_PRELOAD": "x",
}
PASSING = {
    "PATH": "/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "no_proxy": "",
    "PYTHONPATH": "/instruments",
    "LD_LIBRARY_PATH": "/libraries",
    "NEONIZE_X": "1",
    "GODEBUG": "1",
    "MALLOC_ARENA_MAX": "2",
}


def test_only_the_allow_list_passes():
    passed = session_environment(PASSING | SECRETS, {"SSL_CERT_FILE": "/ca.pem"})
    assert passed == PASSING | {
        "SSL_CERT_FILE": "/ca.pem",
        "GOMAXPROCS": "1",
        "GOGC": "30",
        "NEONIZE_BOT_TAG": "off",
    }


def test_defaults_give_way_and_extra_comes_last():
    passed = session_environment({"GOGC": "100", "TZ": "UTC"}, {"TZ": "Asia/Almaty"})
    assert (passed["GOGC"], passed["TZ"]) == ("100", "Asia/Almaty")


def test_it_is_started_once_and_before_use(sandbox_forkserver, monkeypatch, tmp_path):
    with pytest.raises(ForkServerError, match="already"):
        forkserver.start(os.environ, {})
    monkeypatch.setattr(forkserver, "_server", None)
    with pytest.raises(ForkServerError, match="not been started"):
        forkserver.spawn(session_settings(tmp_path, sandbox_forkserver.description))


def test_a_handle_names_its_process(new_session):
    session = new_session()
    session.wait_for("hello")
    handle = session.handle
    assert handle.start_time == start_time(handle.pid) > 0
    assert handle.process.pid == handle.pid
    assert not handle.socket.getblocking()
    assert handle.process.exitcode is None
    assert session.stop() == 0
    assert start_time(handle.pid) is None


def test_many_threads_may_spawn_at_once(new_session):
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(new_session, (f"p{index}" for index in range(8))))
    pids = {session.wait_for("hello")["pid"] for session in sessions}
    assert pids == {session.pid for session in sessions}


def test_closing_the_hosts_end_ends_the_session(new_session):
    session = new_session()
    session.wait_for("qr")
    session.handle.socket.close()
    assert session.end(5) == 5


def test_an_unreadable_line_ends_the_session(new_session):
    session = new_session()
    session.wait_for("qr")
    session.handle.socket.sendall(b"nonsense\n")
    assert session.end(5) == 1
    assert "unreadable" in session.seen("log")[0]["line"]


def test_it_comes_back_after_its_death(new_session):
    first = new_session("first")
    first.wait_for("qr")
    server = int(Path(f"/proc/{first.pid}/stat").read_text().rsplit(")")[1].split()[1])
    os.kill(server, signal.SIGKILL)
    assert first.end(5) is not None
    second = new_session("second")
    assert second.wait_for("hello")["preloaded"]


def test_stopping_it_ends_its_sessions(sandbox_forkserver, tmp_path, monkeypatch):
    ours = forkserver.SessionForkServer(session_environment(os.environ, {}))
    monkeypatch.setattr(forkserver, "_server", ours)
    session = SessionDriver.create(tmp_path / "p", sandbox_forkserver.description)
    assert "HTTPS_PROXY" in session.wait_for("refused")["reason"]
    session.close()
    began = time.monotonic()
    forkserver.stop()
    assert time.monotonic() - began < 5
    assert forkserver._server is None
    with pytest.raises(ForkServerError):
        forkserver.run(time.sleep, (1,))


def test_a_forkserver_that_cannot_start_says_so(monkeypatch):
    monkeypatch.setattr("multiprocessing.spawn._python_exe", b"/nowhere/python")
    server = forkserver.SessionForkServer({})
    with pytest.raises(ForkServerError, match="nowhere"):
        server.ensure_running()
    server.stop()
