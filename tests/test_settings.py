"""Settings come from the environment; a wrong or missing one does not start."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.processes import ROOT, environment, manage

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
FLEET = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x"}


def start(tmp_path, **extra):
    return manage("check", env=environment(tmp_path / "data", **extra))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"WHATSAPP_REALM": "moon"}, "WHATSAPP_REALM must be"),
        ({"WHATSAPP_RIDE": "soon"}, "WHATSAPP_RIDE must be a number, not 'soon'"),
        ({"WHATSAPP_REFUSED_RETRIES": "60,x"}, "seconds separated by commas"),
        ({"WHATSAPP_LEASE_TTL": "-1"}, "more than 0 seconds"),
        ({"WHATSAPP_LEASE_TTL": "9"}, "at least twice WHATSAPP_LEASE_RENEW"),
        ({"WHATSAPP_AUTH_CHECK_HOUR": "24"}, "an hour from 0 to 23, or -1 for never"),
        ({"AUTH_KEYS": "short"}, "no Fernet key"),
        ({"WHATSAPP_ALERT_URL": "ftp://s3cret"}, "WHATSAPP_ALERT_URL does not begin"),
        ({"WHATSAPP_PORTAL_URL": "portal"}, "must be the portal's address"),
        (FLEET, "SECRET_KEY is not set"),
        ({**FLEET, "SECRET_KEY": "x"}, "AUTH_KEYS is not set"),
    ],
)
def test_it_does_not_start_and_says_why(tmp_path, extra, words):
    done = start(tmp_path, **extra)

    assert done.returncode == 1
    assert done.stderr.startswith("Switchboard does not start: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


def test_an_embedded_start_makes_its_secret_once_and_keeps_it_private(tmp_path):
    start(tmp_path)
    path = tmp_path / "data" / "secret_key"
    first = path.read_text()
    start(tmp_path)

    assert path.read_text() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_sandbox_has_a_directory_and_a_cookie_of_its_own(tmp_path):
    code = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.DATA_DIR.name, s.SESSION_COOKIE_NAME)"
    )
    env = environment(tmp_path, DJANGO_SETTINGS_MODULE="config.settings")
    del env["DATA_DIR"]
    names = []
    for realm in ("whatsapp", "sandbox"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**env, "WHATSAPP_REALM": realm, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        names.append(done.stdout.split())

    assert names == [["data", "switchboard"], ["data-sandbox", "switchboard_sandbox"]]


def test_no_migration_is_missing(tmp_path):
    done = manage("makemigrations", "--check", "--dry-run", env=environment(tmp_path))

    assert done.returncode == 0, done.stdout


def test_the_database_does_not_answer_is_one_sentence_for_each_verb(tmp_path):
    env = environment(tmp_path, **FLEET, SECRET_KEY="x", AUTH_KEYS=KEY)

    done = manage("stop", "1", env=env)

    assert done.returncode == 1
    assert "The database does not answer" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_that_is_not_set_up_is_one_sentence(tmp_path):
    done = manage("stop", "1", env=environment(tmp_path))

    assert done.returncode == 1
    assert done.stderr == (
        "The database is not set up: run `python manage.py migrate`.\n"
    )


def test_a_page_describes_every_setting():
    """A setting that nobody can find does not exist."""
    source = "".join(
        (ROOT / "config" / name).read_text()
        for name in ("settings.py", "session_life.py")
    )
    named = set(re.findall(r'(?:env|read)\.\w+\(\s*"([A-Z_]+)"', source))
    documented = (ROOT / "docs" / "settings.md").read_text()
    assert named >= {"DATABASE_URL", "WHATSAPP_LEASE_TTL", "DEBUG"}
    missing = sorted(name for name in named if f"`{name}`" not in documented)
    assert not missing, f"docs/settings.md does not describe {missing}"


def test_the_environment_example_names_only_real_settings():
    source = "".join(
        (ROOT / "config" / name).read_text()
        for name in ("settings.py", "session_life.py", "env.py")
    )
    lines = (ROOT / ".env.example").read_text().splitlines()
    names = [line.lstrip("# ").partition("=")[0] for line in lines if "=" in line]
    assert names
    assert [name for name in names if f'"{name}"' not in source] == []


def test_the_tests_run_with_settings_of_their_own():
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "tests.settings"
