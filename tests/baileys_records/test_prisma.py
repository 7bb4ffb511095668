"""The old server's PostgreSQL: one moment of it, read only, whatever it holds."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from sessions.baileys import buffer_json, dump, prisma
from sessions.baileys.source import SourceRefused
from tests.baileys_records.made_up import made_up_rows

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

FIRST, SECOND = "4915112345678", "77054810862"
SCHEMA = "old_node_server"
# The rows of one phone need no owner.
ONE_PHONE = """json_build_object('key', "key", 'value', "value",
    'updatedAt', "updatedAt")"""
AUTH = """CREATE TABLE "BaileysAuth" ("organizationId" {id}, "phoneJid" text,
    "key" text, "value" {value}, "updatedAt" {time})"""


def own_url() -> str:
    settings = connection.settings_dict
    host = connection.get_connection_params().get("host")
    return f"postgresql://postgres:@/{settings['NAME']}?host={host}"


@pytest.fixture
def old(db):
    """A connection to an empty schema; `url` names it as Prisma does."""
    with closing(psycopg.connect(own_url(), autocommit=True)) as server:
        server.execute(f"CREATE SCHEMA {SCHEMA}")
        server.execute(f"SET search_path TO {SCHEMA}")
        yield server
        server.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


@pytest.fixture
def url():
    return f"{own_url()}&schema={SCHEMA}&connection_limit=5&pgbouncer=true"


def make_auth(server, *, key="integer", value="text", time="timestamp(3)") -> None:
    server.execute(AUTH.format(id=key, value=value, time=time))


def fill(server, number, rows, organization: object = 7) -> None:
    with server.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO "BaileysAuth" VALUES (%s, %s, %s, %s, now())',
            [
                (organization, number, key, buffer_json.dumps(value))
                for key, value in rows.items()
            ],
        )


def rows_of(number):
    return made_up_rows(number, sessions=3, prekeys=4)


@pytest.mark.parametrize("value", ["text", "json", "jsonb"])
@pytest.mark.parametrize("time", ["timestamp(3)", "timestamptz"])
def test_phones_come_with_their_rows(old, url, value, time):
    make_auth(old, value=value, time=time)
    for number in (SECOND, FIRST):
        fill(old, number, rows_of(number))
    first, second = prisma.phones(url)
    assert (first.organization, first.number) == ("7", FIRST)
    assert first.jid == f"{FIRST}:12@s.whatsapp.net"
    assert (first.rows, second.rows) == (rows_of(FIRST), rows_of(SECOND))
    assert set(first.updated) == set(first.rows)
    assert all(moment.tzinfo for moment in first.updated.values())


def test_forms_of_one_jid_are_one_phone(old, url):
    make_auth(old, key="text")
    fill(old, f"{FIRST}:12@s.whatsapp.net", {"pre-key-1": {"private": b"older"}}, "a")
    fill(old, FIRST, rows_of(FIRST), "a")
    (phone,) = prisma.phones(url)
    assert (phone.organization, phone.rows) == ("a", rows_of(FIRST))


def test_all_phones_are_of_one_moment(old, url):
    """What Node writes while the first one is taken over is not mixed in."""
    make_auth(old)
    for number in (FIRST, SECOND):
        fill(old, number, rows_of(number))
    phones = prisma.phones(url)
    assert next(phones).number == FIRST
    old.execute('DELETE FROM "BaileysAuth"')
    assert next(phones).rows == rows_of(SECOND)


def test_nothing_can_be_written(old, url):
    make_auth(old)
    with (
        pytest.raises(SourceRefused, match="read-only"),
        prisma._connected(url) as reader,
    ):
        reader.execute('DELETE FROM "BaileysAuth"')


def test_a_reader_that_stops_early_leaves_no_connection(old, url):
    make_auth(old)
    fill(old, FIRST, rows_of(FIRST))
    phones = prisma.phones(url)
    next(phones)
    phones.close()
    old.execute('DROP TABLE "BaileysAuth"')  # would wait for an open reader


def test_organizations_come_with_their_numbers(old, url):
    make_auth(old)
    fill(old, FIRST, {"creds": {}}, 9)
    old.execute(
        """CREATE TABLE "Organization" ("id" integer, "name" text);
        CREATE TABLE "OrganizationPhone" ("organizationId" integer,
            "phoneNumber" text);
        INSERT INTO "Organization" VALUES (7, 'Acme'), (8, NULL);
        INSERT INTO "OrganizationPhone" VALUES (7, '+7 705'), (7, '4915')"""
    )
    assert prisma.organizations(url) == [
        prisma.SourceOrganization("7", "Acme", ("+7 705", "4915")),
        prisma.SourceOrganization("8", "8", ()),
        prisma.SourceOrganization("9", "9", ()),
    ]


def test_organizations_may_have_no_table(old, url):
    make_auth(old)
    fill(old, FIRST, {"creds": {}}, 9)
    assert prisma.organizations(url) == [prisma.SourceOrganization("9", "9", ())]


@pytest.mark.parametrize("row", ["row_to_json(a)", "to_jsonb(a)", ONE_PHONE])
@pytest.mark.parametrize("query", ["SELECT json_agg({row})", "SELECT {row}"])
@pytest.mark.parametrize("value", ["text", "jsonb"])
def test_what_the_server_writes_as_json_is_a_dump(old, tmp_path, row, query, value):
    make_auth(old, value=value)
    fill(old, FIRST, rows_of(FIRST))
    old.execute("""UPDATE "BaileysAuth" SET "updatedAt" = '2026-03-01 10:30:00.25'""")
    lines = [
        text
        for (text,) in old.execute(
            f'SELECT j::text FROM ({query.format(row=row)} AS j FROM "BaileysAuth" a) q'
        )
    ]
    file = tmp_path / "dump.json"
    file.write_text("\n".join(lines))
    (phone,) = dump.phones(file)
    assert (phone.number, phone.rows) == (FIRST, rows_of(FIRST))
    moment = datetime(2026, 3, 1, 10, 30, 0, 250_000, tzinfo=UTC)
    assert set(phone.updated.values()) == {moment}


def test_a_database_without_the_table_is_refused(old, url):
    with pytest.raises(SourceRefused, match="no table"):
        next(prisma.phones(url))


def test_a_table_of_another_program_is_refused(old, url):
    old.execute('CREATE TABLE "BaileysAuth" ("session" text, "data" text)')
    with pytest.raises(SourceRefused, match="lacks key, organizationId"):
        next(prisma.phones(url))


def test_an_empty_table_is_refused(old, url):
    make_auth(old)
    with pytest.raises(SourceRefused, match="empty"):
        next(prisma.phones(url))


def test_our_own_database_is_no_source(db):
    with pytest.raises(SourceRefused, match="database of Switchboard"):
        next(prisma.phones(own_url()))


def test_a_damaged_value_costs_its_row_alone(old, url):
    make_auth(old)
    fill(old, FIRST, rows_of(FIRST))
    old.execute(
        """UPDATE "BaileysAuth" SET "value" = left("value", 30)
        WHERE "key" = 'pre-key-2'"""
    )
    (phone,) = prisma.phones(url)
    assert phone.unreadable == {"pre-key-2": "not JSON, or cut off"}
    assert phone.rows == {k: v for k, v in rows_of(FIRST).items() if k != "pre-key-2"}
