"""The database of a Baileys server, as its Prisma schema makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.fleet import database_url

SCHEMA = "old_server"
TABLES = f"""
    CREATE SCHEMA {SCHEMA};
    SET search_path TO {SCHEMA};
    CREATE TABLE "Organization" (
        "id" SERIAL PRIMARY KEY,
        "name" TEXT NOT NULL,
        "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE "OrganizationPhone" (
        "id" SERIAL PRIMARY KEY,
        "organizationId" INTEGER NOT NULL REFERENCES "Organization" ("id"),
        "phoneNumber" TEXT NOT NULL
    );
    CREATE TABLE "BaileysAuth" (
        "id" SERIAL PRIMARY KEY,
        "organizationId" INTEGER NOT NULL,
        "phoneJid" TEXT NOT NULL,
        "key" TEXT NOT NULL,
        "value" TEXT NOT NULL,
        "createdAt" TIMESTAMP(3) NOT NULL,
        "updatedAt" TIMESTAMP(3) NOT NULL,
        UNIQUE ("organizationId", "phoneJid", "key")
    );
"""
Rows = list[tuple[Any, ...]]


@dataclass
class OldServer:
    """Its tables, in a schema of their own of the test's database."""

    connection: psycopg.Connection[Any]
    url: str

    def add_organization(self, name: str, numbers: Sequence[str]) -> int:
        (key,) = self._row(
            'INSERT INTO "Organization" ("name") VALUES (%s) RETURNING "id"', name
        )
        for number in numbers:
            self.connection.execute(
                'INSERT INTO "OrganizationPhone" ("organizationId", "phoneNumber")'
                " VALUES (%s, %s)",
                (key, number),
            )
        return int(key)

    def keep(self, organization: int, records: Path) -> None:
        """Store what a device with a row_state has written."""
        for row in json.loads(records.read_text()):
            self.connection.execute(
                'INSERT INTO "BaileysAuth" ("organizationId", "phoneJid", "key",'
                ' "value", "createdAt", "updatedAt") VALUES (%s, %s, %s, %s, %s, %s)',
                (
                    organization,
                    row["phoneJid"],
                    row["key"],
                    row["value"],
                    row["createdAt"].rstrip("Z"),
                    row["updatedAt"].rstrip("Z"),
                ),
            )

    def everything(self) -> list[Rows]:
        """All rows of all tables."""
        return [
            self.connection.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()
            for table in ("Organization", "OrganizationPhone", "BaileysAuth")
        ]

    def _row(self, statement: str, *values: object) -> tuple[Any, ...]:
        row = self.connection.execute(statement, values).fetchone()
        assert row is not None
        return tuple(row)


@contextmanager
def old_server() -> Iterator[OldServer]:
    """Its schema is dropped at the end."""
    with psycopg.connect(database_url(), autocommit=True) as connection:
        connection.execute(TABLES)
        try:
            yield OldServer(connection, f"{database_url()}&schema={SCHEMA}")
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
