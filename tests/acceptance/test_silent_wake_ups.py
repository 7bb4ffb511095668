"""A PostgreSQL whose NOTIFY never arrives: hosts find everything by looking."""

from __future__ import annotations

import pytest
from django.db import connection

from phones.models import Status
from sessions import verbs
from tests.acceptance.fleet import Fleet
from tests.factories import make_phone

TTL = 4.0
LOOK = 15.0  # seconds: a poll, a start, and a machine under load
SWALLOWED = (
    "CREATE FUNCTION public.pg_notify(text, text) RETURNS void "
    "LANGUAGE sql AS 'SELECT NULL::void'"
)


@pytest.fixture
def swallowed_notify(transactional_db):
    """Every connection finds a pg_notify before PostgreSQL's own that does nothing."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(SWALLOWED)
        path = f"ALTER DATABASE {name} SET search_path = public, pg_catalog"
        cursor.execute(path)
    connection.close()
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET search_path")
        cursor.execute("SET search_path = public")
        cursor.execute("DROP FUNCTION public.pg_notify(text, text)")
    connection.close()


def notify_arrives() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN probe")
        cursor.execute("SELECT pg_notify(%s, %s)", ["probe", "x"])
        assert connection.connection is not None
        return bool([*connection.connection.notifies(timeout=0.2)])


@pytest.mark.postgresql
@pytest.mark.usefixtures("swallowed_notify")
def test_orders_and_recovery_need_no_notify(fleet: Fleet, organization):
    assert not notify_arrives()
    fleet.settings |= {
        "WHATSAPP_LEASE_TTL": str(TTL),
        "WHATSAPP_LEASE_RENEW": "0.5",
        "WHATSAPP_LEASE_MARGIN": "1",
        "WHATSAPP_REBALANCE_PAUSE": "600",
    }
    one = fleet.start_host("one")
    phones = [make_phone(organization) for _ in range(3)]
    jids = fleet.link_all(phones)
    first = phones[0]

    verbs.stop(first)
    fleet.wait_status(first, Status.STOPPED)
    verbs.start(first)
    fleet.wait_all([first], Status.CONNECTED, patience=LOOK)
    fleet.sandbox.fault("drop", number=first.phone_number)
    fleet.wait_logins(jids[:1], 3, LOOK)

    fleet.start_host("two")
    one.kill_all()
    fleet.wait_logins(jids[:1], 4, TTL + LOOK)
    fleet.wait_logins(jids[1:], 2, TTL + LOOK)
    fleet.wait_all(phones, Status.CONNECTED, patience=LOOK)
    assert [fleet.device(jid)["double_logins"] for jid in jids] == [0, 0, 0]
