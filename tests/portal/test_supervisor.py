from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from phones.portal.children import Child
from phones.portal.supervisor import Supervisor

NOTES_ITS_END = (
    "import signal, sys, time\n"
    "def end(*_): open({path!r}, 'a').write({name!r} + ' '); sys.exit()\n"
    "signal.signal(15, end); open({path!r}, 'a').write('+'); time.sleep(60)"
)


def send_once(number):
    """A signal to this process, once.

    A second one could come after the supervisor took its handlers away, and end the
    test run.
    """
    sent = []

    def send():
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)

    return send


def toy(name, path):
    code = NOTES_ITS_END.format(path=str(path), name=name)
    return Child(name, [sys.executable, "-c", code], dict(os.environ), path.parent)


def ready(path, count):
    return path.exists() and path.read_text().count("+") == count


def test_sigterm_stops_the_host_before_the_web_and_run_returns(tmp_path):
    path = tmp_path / "ends"
    host, web = toy("host", path), toy("web", path)
    stop = send_once(signal.SIGTERM)

    def each_turn():
        if ready(path, 2):
            stop()
        return 0.02

    Supervisor([web, host], stop_order=[host, web], each_turn=each_turn).run()

    assert path.read_text() == "++host web "
    assert host.process is None


def test_it_restores_the_signal_handlers():
    before = signal.getsignal(signal.SIGINT)

    interrupt = send_once(signal.SIGINT)

    def each_turn():
        interrupt()
        return 0.02

    nothing = Child("none", ["true"], {}, Path("/"), due_at=float("inf"))
    Supervisor([nothing], stop_order=[nothing], each_turn=each_turn).run()

    assert signal.getsignal(signal.SIGINT) is before


def test_a_childs_end_is_noticed_at_once(tmp_path):
    child = Child("toy", [sys.executable, "-c", ""], dict(os.environ), tmp_path)
    stop = send_once(signal.SIGTERM)

    def each_turn():
        if child.failures:
            stop()
        return None  # nothing but the child's end may wake the loop

    Supervisor([child], stop_order=[child], each_turn=each_turn).run()

    assert child.failures == 1


def test_a_second_signal_kills_at_once(tmp_path):
    path = tmp_path / "ready"
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN)\n"
        f"open({str(path)!r}, 'w').write('+'); time.sleep(60)"
    )
    deaf = Child("deaf", [sys.executable, "-c", code], dict(os.environ), tmp_path)
    seen = []

    def each_turn():
        if ready(path, 1) and not seen:
            seen.append(deaf.process)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        return 0.02

    Supervisor([deaf], stop_order=[deaf], each_turn=each_turn).run()

    assert seen[0].returncode == -signal.SIGKILL
