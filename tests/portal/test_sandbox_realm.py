from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from django.db import connection

from phones.portal.sandbox_realm import refusal
from sessions.models import Stamp


@pytest.fixture
def given(monkeypatch, settings):
    """Settings as a person gave them in the environment."""

    def given(*, database=None, data_dir=None):
        for name, value in (("DATABASE_URL", database), ("DATA_DIR", data_dir)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, str(value))
        if data_dir is not None:
            settings.DATA_DIR = data_dir

    return given


@pytest.fixture
def unstamped(monkeypatch):
    monkeypatch.setattr("phones.portal.sandbox_realm._stamped_realm", lambda: None)


@pytest.fixture
def named(settings, monkeypatch):
    def named(name):
        monkeypatch.setitem(settings.DATABASES["default"], "NAME", name)

    return named


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("switchboard", True),
        ("/srv/data/portal.sqlite3", True),
        ("latest", True),  # not a test's
        ("switchboard_sandbox", False),
        ("/srv/Sandbox/portal.sqlite3", False),
        ("test_switchboard", False),
    ],
)
def test_a_database_url_must_name_a_sandbox(given, unstamped, named, name, refused):
    given(database="postgresql://somewhere/")
    named(name)

    reason = refusal()

    assert (reason is not None) == refused
    assert not refused or name in reason


def test_nothing_given_is_the_sandboxs_own(given, unstamped, named):
    given()
    named("/srv/switchboard/data-sandbox/portal.sqlite3")

    assert refusal() is None


@pytest.fixture
def plain_directory():
    """pytest's own directories carry the word that names a sandbox."""
    with tempfile.TemporaryDirectory(prefix="srv-") as name:
        yield Path(name)


def test_a_directory_with_somebodys_data_is_refused(given, unstamped, plain_directory):
    (plain_directory / "stores").mkdir()
    given(data_dir=plain_directory)

    assert str(plain_directory) in refusal()


@pytest.mark.parametrize(
    "content", [[], ["secret_key"], ["secret_key", "portal.sqlite3"]]
)
def test_an_empty_directory_is_taken(given, unstamped, plain_directory, content):
    for name in content:
        (plain_directory / name).touch()
    given(data_dir=plain_directory)

    assert refusal() is None


@pytest.mark.django_db
@pytest.mark.parametrize(("realm", "refused"), [("sandbox", False), ("whatsapp", True)])
def test_a_stamp_in_the_database_decides_before_its_name(given, named, realm, refused):
    Stamp.objects.all().delete()
    Stamp.objects.create(realm=realm, key_check="x")
    given(database="sqlite:///whatever")
    if connection.vendor == "sqlite":
        named(connection.settings_dict["NAME"])

    assert (refusal() is not None) == refused
