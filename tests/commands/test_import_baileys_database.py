"""The old server's PostgreSQL as a source: its tables as Prisma made them."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from django.db import connection

from phones.models import Organization, OrganizationPhone, Status
from sessions.baileys import buffer_json, dump, prisma
from tests.acceptance.fleet import database_url
from tests.commands.baileys_sources import (
    FIRST,
    SECOND,
    THIRD,
    damaged,
    facts_of,
    jid_of,
    keys_of,
    phone_of,
    rows_of,
    write_dump,
)
from tests.processes import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

TABLES = """
CREATE SCHEMA old_server;
SET search_path TO old_server;
CREATE TABLE "Organization" ("id" serial PRIMARY KEY, "name" text NOT NULL,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "OrganizationPhone" ("id" serial PRIMARY KEY,
    "organizationId" integer NOT NULL, "phoneNumber" text NOT NULL, "phoneJid" text,
    "status" text NOT NULL DEFAULT 'connected');
CREATE TABLE "BaileysAuth" ("organizationId" integer NOT NULL,
    "phoneJid" text NOT NULL, "key" text NOT NULL, "value" text NOT NULL,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE ("organizationId", "phoneJid", "key"));
INSERT INTO "Organization" ("id", "name") VALUES (7, 'Acme'), (9, 'Bolt');
INSERT INTO "OrganizationPhone" ("organizationId", "phoneNumber")
VALUES (7, '+77054810862'), (7, '77054810863'), (9, '4915112345678'),
    (9, '+49 151 99999999');
"""
NEVER_LINKED = "4915199999999"


@pytest.fixture
def old(db):
    """Its URL: three phones with keys, the second's damaged, and one without any."""
    settings = connection.settings_dict
    params = connection.get_connection_params()
    with closing(
        psycopg.connect(
            dbname=settings["NAME"],
            user=params.get("user"),
            host=params.get("host"),
            autocommit=True,
        )
    ) as own:
        own.execute(TABLES)
        phones = (
            (7, FIRST, rows_of(FIRST)),
            (7, SECOND, damaged(rows_of(SECOND))),
            (9, THIRD, rows_of(THIRD)),
        )
        for organization, number, rows in phones:
            for key, value in rows.items():
                own.execute(
                    'INSERT INTO "BaileysAuth" ("organizationId", "phoneJid", "key",'
                    ' "value") VALUES (%s, %s, %s, %s)',
                    (organization, number, key, buffer_json.dumps(value)),
                )
        yield f"{database_url()}&schema=old_server"
        own.execute("DROP SCHEMA old_server CASCADE")


def snapshot(own_url: str) -> list[tuple]:
    with psycopg.connect(own_url.partition("&")[0]) as own:
        return own.execute(
            'SELECT * FROM old_server."BaileysAuth" ORDER BY 1, 2, 3'
        ).fetchall()


def test_organizations_phones_and_keys_come_along(run, old):
    before = snapshot(old)
    done = run("import_baileys", "--database-url", old, "--json")
    assert done.status == 1  # one of them needs a scan
    outcomes = {line["number"]: line["outcome"] for line in done.lines}
    assert outcomes == {
        FIRST: "take_over",
        SECOND: "scan_needed",
        THIRD: "take_over",
        NEVER_LINKED: "registered",
    }
    owners = OrganizationPhone.objects.values_list("phone_number", "organization__name")
    assert dict(owners) == {
        FIRST: "Acme",
        SECOND: "Acme",
        THIRD: "Bolt",
        NEVER_LINKED: "Bolt",
    }
    assert facts_of(THIRD).linked
    assert "creds" in keys_of(THIRD)
    assert phone_of(NEVER_LINKED).status == Status.NEW
    assert snapshot(old) == before


def test_only_the_named_organization_comes(run, old):
    done = run(
        "import_baileys", "--database-url", old, "--organization", "Bolt", "--json"
    )
    assert done.status == 0
    assert list(Organization.objects.values_list("name", flat=True)) == ["Bolt"]
    assert {line["number"] for line in done.lines} == {THIRD, NEVER_LINKED}
    unknown = run("import_baileys", "--database-url", old, "--organization", "Nobody")
    assert unknown.status == 1


def test_only_the_named_phone_comes(run, old):
    run("import_baileys", "--database-url", old, "--phone", FIRST)
    assert OrganizationPhone.objects.get().phone_number == FIRST


def test_a_dry_run_names_the_organizations_and_writes_none(run, old):
    done = run("import_baileys", "--database-url", old, "--dry-run", "--json")
    assert done.status == 0
    assert {line["organization"] for line in done.lines} == {"Acme", "Bolt"}
    assert not Organization.objects.exists()


def test_a_server_that_is_not_there_is_refused_in_one_sentence(run, db):
    url = "postgresql://nobody@127.0.0.1:9/none"
    done = run("import_baileys", "--database-url", url)
    assert done.status == 1
    assert "could not be read" in done.stderr


def test_an_export_goes_back_as_the_page_says(run, old, tmp_path):
    page = (ROOT / "docs" / "moving-from-baileys.md").read_text()
    _, begin, commands = page.partition("```sql\n")[2].partition("BEGIN;")
    statements = (begin + commands.partition("```")[0]).replace(":'rows'", "%(rows)s")
    run("import_baileys", "--database-url", old, "--phone", FIRST, "--stopped")
    path = tmp_path / "back.json"
    base = write_dump(tmp_path / "base.json", (FIRST, rows_of(FIRST), "7"))
    done = run("export_baileys", FIRST, "--dump", path, "--base", base)
    assert done.status == 0, done.stderr
    url = old.partition("&")[0]
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as own:
        own.execute("SET search_path TO old_server")
        own.execute(statements, {"rows": path.read_text()})
    back = {source.number: source for source in prisma.phones(old)}[FIRST]
    written = next(dump.phones(path))
    assert (back.organization, back.jid) == ("7", jid_of(FIRST))
    assert back.rows == written.rows
