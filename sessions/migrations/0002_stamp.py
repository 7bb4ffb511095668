from __future__ import annotations

from typing import Any

from django.db import migrations

from sessions.auth.keys import ensure_stamp


def stamp(apps: Any, schema_editor: Any) -> None:
    ensure_stamp(apps)


class Migration(migrations.Migration):
    """The realm and the check of AUTH_KEYS exist before any key is stored."""

    dependencies = [("phone_sessions", "0001_initial")]

    operations = [migrations.RunPython(stamp, migrations.RunPython.noop)]
