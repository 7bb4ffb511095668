"""What must hold before a process of ours works on the database."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

SEED_TABLES = frozenset(
    {"Organization", "OrganizationPhone", "BaileysAuth", "ConnectionMetrics"}
)


def check_database() -> None:
    """Refuse the old server's own database, whose tables carry the names of ours.

    Raises ImproperlyConfigured with a sentence; OperationalError when the database
    does not answer.
    """
    tables = set(connection.introspection.table_names())
    found = sorted(tables & SEED_TABLES)
    if found and not _made_by_us(tables):
        raise ImproperlyConfigured(
            f"DATABASE_URL names the old server's database (it holds the table "
            f"{found[0]}, which Switchboard did not make): use a new database, then "
            f"import_baileys."
        )


def _made_by_us(tables: set[str]) -> bool:
    if "django_migrations" not in tables:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM django_migrations WHERE app = 'phones'")
        return cursor.fetchone() is not None
