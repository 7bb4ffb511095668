from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from phones.portal.children import Child, pause_after
from tests.processes import ROOT, wait_until

WAITS = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); "


def child(code, tmp_path):
    return Child("toy", [sys.executable, "-c", code], dict(os.environ), tmp_path)


def alive(pid):
    """A zombie has ended: only its parent has not looked yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # not there, or it went while it was read
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)]
)
def test_pauses_double_from_one_second_to_one_minute(failures, seconds):
    assert pause_after(failures) == seconds


def test_it_is_started_again_after_its_pause(tmp_path):
    toy = child("raise SystemExit(3)", tmp_path)
    toy.turn(0.0)
    toy.process.wait(10)

    assert toy.turn(1.0) == pytest.approx(1.0)  # ended: due at 2.0
    assert toy.process is None
    assert toy.turn(1.5) == pytest.approx(0.5)
    toy.turn(2.0)
    assert toy.process is not None
    toy.process.wait(10)
    toy.turn(2.1)
    assert toy.due_at == pytest.approx(4.1)  # the second pause is longer


def test_a_long_life_makes_the_pauses_begin_anew(tmp_path):
    toy = child("", tmp_path)
    toy.failures = 6
    toy.turn(0.0)
    toy.process.wait(10)

    toy.turn(61.0)

    assert toy.failures == 1


def test_stop_lets_it_end_by_itself(tmp_path):
    toy = child(WAITS, tmp_path)
    toy.start(0.0)
    process = toy.process

    toy.stop(patience=10, hurry=lambda: False)

    assert process.returncode == -signal.SIGTERM


def test_stop_kills_what_does_not_end(tmp_path):
    toy = child(DEAF + WAITS, tmp_path)
    toy.start(0.0)
    process = toy.process

    wait_until(lambda: deaf(process.pid), "the toy ignoring SIGTERM")
    toy.stop(patience=0.2, hurry=lambda: False)

    assert process.returncode == -signal.SIGKILL


def deaf(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = next(x for x in status.splitlines() if x.startswith("SigIgn:"))
    return bool(int(ignored.split()[1], 16) & (1 << (signal.SIGTERM - 1)))


def test_it_gets_no_ctrl_c_of_the_terminal(tmp_path):
    toy = child(WAITS, tmp_path)
    toy.start(0.0)
    try:
        assert os.getpgid(toy.process.pid) == toy.process.pid
    finally:
        toy.stop(patience=10, hurry=lambda: True)


def test_it_ends_when_its_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys, time; from pathlib import Path\n"
            "from phones.portal.children import Child\n"
            f"toy = Child('toy', [sys.executable, '-c', {WAITS!r}], dict(os.environ),"
            " Path.cwd())\n"
            "toy.start(0.0); print(toy.process.pid, flush=True); time.sleep(60)",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    assert alive(pid)

    parent.kill()
    parent.wait(10)
    parent.stdout.close()

    wait_until(lambda: not alive(pid), "the end of the orphan")
