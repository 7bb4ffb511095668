"""The files of deploy/ name what exists."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from django.core.management import get_commands

from sessions.host import hand_over
from tests.processes import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PYTHON = sys.executable
OF_POSTGRESQL = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
OF_PYTHON = {
    "DJANGO_SETTINGS_MODULE",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
}


def settings_names():
    """Every name that the settings read from the environment."""
    source = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
    return set(re.findall(r'(?:env|read)\.\w+\(\s*"([A-Z_]+)"', source)) | {"ENV_FILE"}


def unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(path)
    return parser


def assert_runs(arguments):
    """What Python is given can be run here."""
    if arguments[0] == "manage.py":
        assert arguments[1] in get_commands(), arguments
    else:
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]) is not None
        assert arguments[-1] == "config.asgi:application"


def test_there_is_a_unit_for_each_process():
    assert [path.stem for path in UNITS] == [
        "switchboard-alerts",
        "switchboard-sessions",
        "switchboard-web",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_that_exists_and_is_shut_in(path):
    service = unit(path)["Service"]

    python, *arguments = shlex.split(service["ExecStart"])
    assert python == f"{service['WorkingDirectory']}/.venv/bin/python"
    assert_runs(arguments)
    assert service["Restart"] == "always"
    assert service["User"] not in ("", "root")
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    # Only the host itself is asked to stop: it ends its sessions in their order.
    assert service["KillMode"] == "mixed"
    names = {word.partition("=")[0] for word in service["Environment"].split()}
    assert names <= settings_names() | OF_PYTHON
    assert f"DATA_DIR=/var/lib/{service['StateDirectory']}" in service["Environment"]


def test_the_host_has_time_to_hand_over():
    needed = hand_over.TAKING_TURNS_SECONDS + hand_over.LAST_SECONDS
    service = unit(DEPLOY / "systemd" / "switchboard-sessions.service")["Service"]
    assert int(service["TimeoutStopSec"]) > needed + 15
    for name in ("sessions-1", "sessions-2"):
        grace = COMPOSE["services"][name]["stop_grace_period"]
        assert int(grace.removesuffix("s")) > needed + 15


def test_systemd_accepts_the_units(tmp_path):
    for path in UNITS:
        assert set(unit(path)) == {"DEFAULT", "Unit", "Service", "Install"}
        text = path.read_text().replace("/opt/switchboard/.venv/bin/python", PYTHON)
        (tmp_path / path.name).write_text(text.replace("/opt/switchboard", str(ROOT)))
    if shutil.which("systemd-analyze"):  # not every machine has it
        done = subprocess.run(
            ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = [line for line in done.stderr.splitlines() if "switchboard-" in line]
        assert said == []


def test_compose_runs_what_exists():
    services = COMPOSE["services"]
    assert set(services) == {
        "database",
        "migrate",
        "web",
        "sessions-1",
        "sessions-2",
        "alerts",
    }
    for name, service in services.items():
        if name == "database":
            continue
        if "command" in service:
            assert_runs(service["command"])
        for other in service.get("depends_on", {}):
            assert other in services
        assert service["env_file"] == ".env"
        assert service["cap_drop"] == ["ALL"]
    assert services["web"]["healthcheck"]["test"][-1].count("/readyz") == 1
    assert services["database"]["healthcheck"]


def test_each_host_of_compose_has_a_name_and_a_directory_of_its_own():
    hosts = [COMPOSE["services"][name] for name in ("sessions-1", "sessions-2")]
    assert len({host["command"][-1] for host in hosts}) == 2
    volumes = {volume.partition(":")[0] for host in hosts for volume in host["volumes"]}
    assert volumes == {"sessions-1", "sessions-2"} <= set(COMPOSE["volumes"])
    for host in hosts:
        assert host["volumes"][0].endswith(":/var/lib/switchboard")


def test_every_variable_is_a_setting():
    text = (DEPLOY / "environment.example").read_text()
    example = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
    assert example >= {"SECRET_KEY", "AUTH_KEYS", "DATABASE_URL", "WHATSAPP_ALERT_URL"}
    assert example - OF_POSTGRESQL <= settings_names()
    compose = (DEPLOY / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)", compose))
    assert asked <= example
    assert set(COMPOSE["services"]["database"]["environment"]) == OF_POSTGRESQL


def test_no_secret_is_written_down():
    text = (DEPLOY / "environment.example").read_text()
    for name in ("POSTGRES_PASSWORD", "SECRET_KEY", "AUTH_KEYS"):
        assert re.search(rf"^{name}=$", text, re.MULTILINE)


def dockerfile():
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and line[0] not in "# "]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def test_the_image_is_made_of_locked_packages_and_runs_as_nobody_special():
    steps = dockerfile()
    assert steps[0] == ("FROM", "python:3.11-slim")
    assert any("pip install" in s and "--require-hashes" in s for _, s in steps)
    assert ("USER", "switchboard") in steps
    order = [word for word, _ in steps]
    assert order.index("USER") < order.index("CMD")


def test_the_image_holds_what_the_program_needs_and_nothing_else():
    copied = {step.split()[0] for word, step in dockerfile() if word == "COPY"}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignore.count("*") == 1
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} <= copied


def test_images_come_from_wherever_the_machine_gets_them():
    """No registry is named: the first part of an image has no dot and no port."""
    images = [step for word, step in dockerfile() if word == "FROM"]
    images += [s["image"] for s in COMPOSE["services"].values()]
    for image in images:
        assert not re.search(r"[.:]", image.partition("/")[0]) or "/" not in image
