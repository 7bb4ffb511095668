"""Is a store file safe to hand to the Go core?

A broken blob ends the whole session process there (measured on neonize 0.5.2), so the
file is checked before each start: SQLite, the schema, the device, and the rows of
single contacts. What concerns the device is fatal; a broken row of one contact is only
named, so that it can be dropped. The rest (checks) is looked at by night and on demand.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sessions.auth.app_state import MACS, VERSION
from sessions.auth.checks import Examined, examine
from sessions.auth.contact_rows import (
    IDENTITIES,
    KEYS,
    LENGTHS,
    SENDER_KEYS,
    SESSIONS,
    ContactRows,
    Fault,
)
from sessions.auth.device_checks import device_findings
from sessions.auth.rows import DEVICE, Row
from sessions.auth.tables import Table, all_rows, count, delete_row, quoted, read_tables
from sessions.policy.auth_checks import found, worst_first
from sessions.policy.auth_findings import Finding

NEWEST_SCHEMA = 15  # of neonize 0.5.2; a file says which readers it is compatible with
# SQLite tests whatsmeow's CHECKs of lengths, too; those rows are named one by one.
A_CHECK = "CHECK constraint failed in "
OF_ROWS = ("w02", "w06")  # the rows tell it, too

Tables = Mapping[str, Table]


def file_findings(connection: sqlite3.Connection) -> Iterator[Finding]:
    """What is wrong with the file as a whole; all fatal, and the first one the last."""
    words = [str(word, "utf-8", "replace") for (word,) in _integrity(connection)]
    damage = [word for word in words if word != "ok" and not word.startswith(A_CHECK)]
    if damage:
        yield found("w01", said="; ".join(damage[:3]))
        return
    try:
        versions = connection.execute(
            "SELECT version, compat FROM whatsmeow_version"
        ).fetchall()
    except sqlite3.OperationalError:
        versions = []
    if len(versions) != 1 or DEVICE not in read_tables(connection):
        yield found("w03", count=len(versions))
        return
    version, compatible = versions[0]
    if compatible > NEWEST_SCHEMA:
        yield found("w04", schema=version)
        return
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    if orphan is None:
        return
    if count(connection, DEVICE) == 0:
        yield found("w06")
    else:
        yield found("w02", table=str(orphan[0], "utf-8", "replace"))


def store_findings(connection: sqlite3.Connection, number: str) -> Iterator[Finding]:
    """What keeps the file from being started as this number's; all fatal.

    A file without a device was never paired, and has nothing wrong.
    """
    damage = list(file_findings(connection))
    yield from damage or device_findings(_devices(connection), number)


def broken_rows(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Rows that cost only one contact or group, and might end the whole process."""
    return _faults(connection, read_tables(connection))


def _faults(connection: sqlite3.Connection, tables: Tables) -> Iterator[Fault]:
    contacts = ContactRows()
    for name in (SESSIONS, IDENTITIES, SENDER_KEYS):
        for row in all_rows(connection, tables[name]):
            contacts.take(name, row)
    for name in LENGTHS.keys() - {IDENTITIES}:
        for row in _of_wrong_length(connection, tables[name]):
            contacts.take(name, row)
    devices = all_rows(connection, tables[DEVICE])
    return contacts.faults(devices[0] if len(devices) == 1 else None)


def drop_broken(connection: sqlite3.Connection) -> list[str]:
    """Delete them; what each was, for the log."""
    tables = read_tables(connection)
    faults = list(_faults(connection, tables))
    for fault in faults:
        for name, key in _doomed(fault):
            delete_row(connection, tables[name], key)
    return [f"{fault.table}: {fault.check} {fault.wrong}" for fault in faults]


def _doomed(fault: Fault) -> Iterator[tuple[str, Row]]:
    """(table, key) of what goes with a broken row: a collection goes as a whole.

    The library then fetches it anew; with single rows gone it would never add up.
    """
    if fault.table not in (VERSION, MACS):
        yield fault.table, fault.key
        return
    collection = {column: fault.key[column] for column in KEYS[VERSION]}
    yield MACS, collection
    yield VERSION, collection


def examine_file(
    connection: sqlite3.Connection,
    number: str,
    *,
    seen_prekey: int,
    now: datetime | None,
) -> Examined:
    """Every check, of a file that may be in use; one moment of it."""
    damage = list(file_findings(connection))
    if damage and damage[0].check not in OF_ROWS:
        return Examined(damage, {}, 0)
    found_in = examine(
        _rows(connection), number=number, seen_prekey=seen_prekey, now=now
    )
    more = [one for one in found_in.findings if not damage or one.check not in OF_ROWS]
    return replace(found_in, findings=worst_first([*damage, *more]))


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[str, Row]]:
    for table in read_tables(connection).values():
        for row in all_rows(connection, table):
            yield table.name, row


def _of_wrong_length(connection: sqlite3.Connection, table: Table) -> list[Row]:
    """SQLite looks at a thousand prekeys in the time Python needs for ten."""
    wrong = " OR ".join(
        f"length({quoted(column)}) <> {length} OR typeof({quoted(column)}) <> 'blob'"
        for column, length in LENGTHS[table.name].items()
    )
    return all_rows(connection, table, where=wrong)


def _devices(connection: sqlite3.Connection) -> list[Row]:
    return all_rows(connection, read_tables(connection)[DEVICE])


def _integrity(connection: sqlite3.Connection) -> list[tuple[bytes]]:
    return connection.execute("PRAGMA integrity_check(10)").fetchall()
