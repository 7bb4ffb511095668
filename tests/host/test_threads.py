"""The database from the host's loop: what is tried again while it is away."""

from __future__ import annotations

import select

import pytest
from django.db import InternalError, connection, transaction

from sessions.host.threads import DatabaseThreads

IDLE = "SET LOCAL idle_in_transaction_session_timeout = '50ms'"


def stand_still() -> None:
    """As a host that is suspended in the middle of a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(IDLE)
        select.select([connection.connection], [], [], 10)  # until the server ends it
        cursor.execute("SELECT 1")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
async def test_a_transaction_that_stood_still_is_done_again():
    calls = []

    def once_still() -> str:
        calls.append(len(calls))
        if len(calls) == 1:
            stand_still()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return "done"

    threads = DatabaseThreads(writers=1)
    try:
        with pytest.raises(InternalError):
            await threads.facts(stand_still)
        assert await threads.patiently(once_still) == "done"
        assert calls == [0, 1]
    finally:
        assert threads.close(5)
