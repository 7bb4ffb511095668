"""What `make run` and `make test` say on a machine that lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.processes import ROOT

ENVIRONMENT = ROOT / ".ci" / "environment"


@pytest.fixture
def machine(tmp_path):
    """A PATH with the plainest tools and the given stand-ins for Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dirname", "cmp", "cp", "awk", "cat"):
        (tools / name).symlink_to(shutil.which(name))

    def machine(**pythons):
        for name, script in pythons.items():
            path = tools / name.replace("_", ".")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return subprocess.run(
            ["/bin/sh", str(ENVIRONMENT), str(tmp_path / "venv"), "requirements.txt"],
            env={"PATH": str(tools), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return machine


TOO_OLD = "exit 1"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; esac'


def test_without_venv_it_prints_the_apt_line(machine):
    done = machine(python3=WITHOUT_VENV)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].strip() == "apt install python3-venv"


def test_without_a_new_python_it_prints_the_apt_line(machine):
    done = machine(python3=TOO_OLD)

    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr


def test_it_finds_a_newer_python_beside_an_old_one(machine, tmp_path):
    machine(python3=TOO_OLD, python3_12='echo "$*" >>"$HOME/calls"')

    calls = (tmp_path / "calls").read_text().splitlines()
    assert f"-m venv --clear {tmp_path}/venv" in calls


@pytest.mark.parametrize("major", [None, 18])
def test_without_a_new_node_it_says_so_and_goes_on(tmp_path, major):
    """`make test` then tells at its end what was not run."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "dirname").symlink_to(shutil.which("dirname"))
    if major is not None:
        for name, ending in (("npm", "exit 0"), ("node", "exit 1")):
            (tools / name).write_text(f"#!/bin/sh\n{ending}\n")
            (tools / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(ROOT / ".ci" / "node")],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "need Node 20 or newer" in done.stderr


def test_the_locks_are_installed_with_their_hashes():
    for lock in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / lock).read_text().splitlines()
        pins = [line for line in lines if "==" in line and not line.startswith("#")]
        assert len(pins) > 40
        assert all(line.endswith("\\") for line in pins), "a pin without a hash"


def test_make_knows_its_targets():
    text = (ROOT / "Makefile").read_text()
    targets = ("run", "test", "lint", "types", "lock", "messages", "baileys", "ci")
    for target in (*targets, "clean"):
        assert f"\n{target}:" in text
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
