"""What a host costs while its sessions stand idle: CPU, and what it writes.

PostgreSQL itself counts the statements: it logs each one that writes.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.linking import link_many
from tests.bench.memory import cpu_seconds

if TYPE_CHECKING:
    from tests.acceptance.fleet import Fleet

SETTLE_SECONDS = 20.0
WRITES = re.compile(
    r"(?:statement|execute [^:]*): (INSERT INTO|UPDATE|DELETE FROM) (\S+)"
)


def measure(fleet: Fleet, counts: list[int], seconds: float) -> dict[str, Any]:
    """For each number of idle phones: percent of one core, writes per second."""
    from phones.models import Organization

    log_writes()
    organization = Organization.objects.create(name="Bench")
    host = fleet.start_host()
    linked = 0
    figures: dict[str, Any] = {}
    for count in counts:
        link_many(fleet, organization, count - linked)
        linked = count
        time.sleep(SETTLE_SECONDS)
        log = fleet.directory / "pg" / "log"
        position, cpu = log.stat().st_size, cpu_seconds(host.process.pid)
        began = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        cpu = cpu_seconds(host.process.pid) - cpu
        writes = writes_in(log, position)
        figures[f"idle_{count}"] = {
            "host_cpu_percent": round(100 * cpu / took, 2),
            "writes_per_second": round(sum(writes.values()) / took, 2),
            "writes_per_minute_by_table": {
                what: round(60 * times / took, 1)
                for what, times in writes.most_common()
            },
        }
    return figures


def log_writes() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET log_statement = 'mod'")
        cursor.execute("SELECT pg_reload_conf()")


def writes_in(log: Path, position: int) -> Counter[str]:
    """Statements that wrote, by verb and table, after this byte of the server's log."""
    with log.open(errors="replace") as lines:
        lines.seek(position)
        found = (WRITES.search(line) for line in lines)
        return Counter(f"{m[1].split()[0]} {m[2].strip(chr(34))}" for m in found if m)
