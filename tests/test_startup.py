"""A database that is not ours, or does not fit, is refused before any work."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config.dotenv import read_dotenv
from phones.startup import SEED_TABLES, check_database
from sessions.models import Stamp
from tests.processes import environment, manage

# As Prisma made them: the shape matters less than the names.
PRISMA = """
CREATE TABLE "Organization" ("id" {serial}, "name" TEXT NOT NULL);
CREATE TABLE "OrganizationPhone" (
    "id" {serial}, "organizationId" INTEGER NOT NULL, "phoneNumber" TEXT NOT NULL,
    "phoneJid" TEXT, "status" TEXT NOT NULL, "qrCode" TEXT);
CREATE TABLE "BaileysAuth" (
    "id" {serial}, "organizationId" INTEGER NOT NULL, "phoneJid" TEXT NOT NULL,
    "key" TEXT NOT NULL, "value" TEXT NOT NULL);
CREATE TABLE "_prisma_migrations" ("id" TEXT PRIMARY KEY);
"""
SENTENCE = "use a new database, then import_baileys"


@pytest.fixture
def old_database(tmp_path):
    """DATABASE_URL of a database of the old server, on the vendor under test."""
    if connection.vendor == "sqlite":
        path = tmp_path / "old.sqlite3"
        with closing(sqlite3.connect(path)) as old:
            old.executescript(PRISMA.format(serial="INTEGER PRIMARY KEY"))
        yield f"sqlite:///{path}"
        return
    server = os.environ["TEST_PG_URL"]
    name = f"old_prisma_{os.getpid()}"  # the workers share the server
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            with psycopg.connect(url) as old:
                old.execute(PRISMA.format(serial="SERIAL PRIMARY KEY"))
            yield url
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["migrate", "portal", "run_sessions"])
def test_the_old_servers_database_is_refused(command, old_database, tmp_path):
    env = environment(
        tmp_path / "data",
        DATABASE_URL=old_database,
        SECRET_KEY="x" * 50,
        AUTH_KEYS="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    )

    done = manage(command, env=env)

    assert done.returncode == 1
    assert SENTENCE in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.django_db
def test_our_own_database_is_accepted():
    check_database()


@pytest.mark.django_db
@pytest.mark.parametrize("table", sorted(SEED_TABLES))
def test_one_table_of_the_old_server_is_enough(table, monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [table])

    with pytest.raises(ImproperlyConfigured, match=SENTENCE):
        check_database()


@pytest.mark.django_db
def test_an_empty_database_is_accepted(monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", list)

    check_database()


def database_errors():
    return {error.id for error in run_checks(databases=["default"])}


@pytest.mark.django_db
def test_the_database_of_this_realm_passes_its_checks():
    assert database_errors() == set()


@pytest.mark.django_db
def test_a_database_of_another_realm_is_an_error():
    Stamp.objects.update(realm="sandbox")

    assert database_errors() == {"phone_sessions.E002"}


@pytest.mark.django_db
def test_other_keys_than_the_databases_are_an_error(settings):
    settings.AUTH_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]

    assert database_errors() == {"phone_sessions.E002"}


def test_the_environment_file_can_be_named(tmp_path, monkeypatch):
    path = tmp_path / "other.env"
    path.write_text("SWITCHBOARD_TEST_VALUE=from the file\n")
    monkeypatch.setenv("ENV_FILE", str(path))
    monkeypatch.setenv("SWITCHBOARD_TEST_VALUE", "")
    monkeypatch.delenv("SWITCHBOARD_TEST_VALUE")

    read_dotenv()

    assert os.environ["SWITCHBOARD_TEST_VALUE"] == "from the file"
