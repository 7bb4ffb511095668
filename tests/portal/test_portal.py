"""`manage.py portal` as a person runs it: real children, real signals."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress

import psutil
import pytest

from tests.processes import ROOT, environment, manage, wait_until

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(180)]
PATIENCE = 60.0  # two cores may be shared with the rest of the suite


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Portal:
    def __init__(self, process, output, port):
        self.process, self.output, self.port = process, output, port
        self.url = f"http://127.0.0.1:{port}/"

    def text(self):
        return self.output.read_text()

    def wait_for(self, words):
        wait_until(
            lambda: words in self.text() or self.process.poll() is not None,
            f"“{words}” in the portal's output",
            PATIENCE,
        )
        assert words in self.text(), self.text()

    def child(self, words):
        """The child process whose command line holds `words`."""
        for process in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it ended while we looked
                if words in " ".join(process.cmdline()):
                    return process
        return None


@contextmanager
def running(tmp_path, *arguments, **extra):
    """The portal in a process group of its own; nothing of it outlives the test."""
    port, output = free_port(), tmp_path / "output"
    with output.open("w") as stdout:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "portal", "--port", str(port), *arguments],
            cwd=ROOT,
            env=environment(tmp_path / "data", **extra),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )
    children = []
    try:
        portal = Portal(process, output, port)
        portal.wait_for("Switchboard is at")
        children = psutil.Process(process.pid).children(recursive=True)
        yield portal
    finally:
        for one in [*children, process]:
            kill(one)
        process.wait(10)


def kill(process):
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        process.kill()


def ended(process):
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def test_the_first_start_shows_a_password_once_and_ctrl_c_ends_everything(tmp_path):
    with running(tmp_path) as portal:
        portal.wait_for("host started")
        children = psutil.Process(portal.process.pid).children(recursive=True)
        with urllib.request.urlopen(portal.url) as answer:
            assert answer.status == 200
            assert "/admin/login/" in answer.url

        portal.process.send_signal(signal.SIGINT)

        assert portal.process.wait(20) == 0
        # The host's own children notice its end, and so come after it.
        wait_until(lambda: all(ended(child) for child in children), "the end of all")
        text = portal.text()
        assert re.search(r"Username: admin\n +Password: \S{16}\n", text)
        assert portal.url in text
        assert "Traceback" not in text
        assert text.index("host stopped") < text.index("Stopped.")
    with running(tmp_path, "--no-host") as portal:
        assert "Password" not in portal.text()
        assert portal.child("run_sessions") is None
        portal.process.terminate()
        assert portal.process.wait(20) == 0


def test_a_killed_host_is_started_again_and_the_web_stays(tmp_path):
    with running(tmp_path) as portal:
        portal.wait_for("host started")
        host, web = portal.child("run_sessions"), portal.child("daphne")

        host.kill()

        wait_until(
            lambda: (new := portal.child("run_sessions")) and new.pid != host.pid,
            "the host's second start",
            PATIENCE,
        )
        assert portal.child("daphne") == web
        assert "child ended name=host code=-9" in portal.text()


def test_the_alerts_have_a_process_of_their_own(tmp_path):
    """A dead host cannot tell that it is dead."""
    with running(tmp_path, "--no-host") as portal:
        portal.wait_for("alerts go to=the portal only")
        child = portal.child("send_alerts")
        portal.process.terminate()
        assert portal.process.wait(20) == 0
        assert ended(child)
        assert "child killed" not in portal.text()
        assert "Traceback" not in portal.text()


def test_children_end_when_the_portal_is_killed(tmp_path):
    with running(tmp_path) as portal:
        portal.wait_for("host started")
        children = psutil.Process(portal.process.pid).children(recursive=True)
        assert len(children) >= 2

        portal.process.kill()

        wait_until(
            lambda: all(ended(child) for child in children), "the children's end"
        )


def test_a_reader_that_goes_away_does_not_stop_it(tmp_path):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "portal", "--no-host", f"--port={port}"],
        cwd=ROOT,
        env=environment(tmp_path / "data"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.stdout.readline()
        process.stdout.close()  # as `portal | head -1` does

        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return process.poll() is not None
            return True

        wait_until(answers, "the web's start", PATIENCE)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(10)


def test_the_sandbox_comes_first_and_the_children_are_led_to_it(tmp_path):
    with running(tmp_path, "--sandbox", NO_PROXY="*") as portal:
        portal.wait_for("host started")
        found = portal.child("run_sessions").environ()

        assert found["WHATSAPP_REALM"] == "sandbox"
        assert found["HTTPS_PROXY"].startswith("http://127.0.0.1:")
        assert found["DATA_DIR"] == str(tmp_path / "data")
        assert os.path.isfile(found["SSL_CERT_FILE"])
        assert "NO_PROXY" not in found
        portal.process.send_signal(signal.SIGINT)
        assert portal.process.wait(20) == 0
    # The database is the sandbox's for ever.
    done = manage("portal", "--no-host", env=environment(tmp_path / "data"))
    assert done.returncode == 1
    assert "realm 'sandbox'" in done.stderr


def test_a_sandbox_keeps_its_ports_when_it_is_started_again(tmp_path):
    with running(tmp_path, "--sandbox", "--no-host") as portal:
        first = (tmp_path / "data" / "sandbox" / "sandbox.json").read_text()
        old = portal.child("sessions.sandbox")

        old.kill()

        path = tmp_path / "data" / "sandbox" / "sandbox.json"
        wait_until(lambda: path.read_text() != first, "its second start", PATIENCE)
        assert f'"pid": {old.pid}' in first
        proxy = re.compile(r'"proxy": "[^"]+"')
        assert proxy.search(path.read_text())[0] == proxy.search(first)[0]


def test_the_sandbox_refuses_the_database_of_real_phones(tmp_path):
    env = environment(tmp_path / "data")
    assert manage("migrate", "-v0", env=env).returncode == 0

    for command in ("portal", "sandbox"):
        arguments = [command, "--sandbox"] if command == "portal" else [command]
        done = manage(*arguments, env=env)

        assert done.returncode == 1
        assert done.stderr.startswith("This database belongs to real phones")


def test_a_busy_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = manage("portal", f"--port={port}", env=environment(tmp_path / "data"))

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert "make run PORT=8001" in done.stderr
    assert "Password" not in done.stdout
