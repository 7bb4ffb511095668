"""`make bench`: the figures of the product, as a table and as JSON.

Needs two quiet cores; quote medians and ratios. Everything is real: neonize, the
sandbox, `run_sessions`, both databases. Each part runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = Path("docs/bench.json")
ROUNDS = 3


def measure_sessions(database: str, counts: list[int], messages: int) -> dict[str, Any]:
    from tests.bench import installation, sessions

    directory = installation.configure(database)
    figures: dict[str, Any] = {}
    with installation.fleet_in(directory) as fleet:
        host = fleet.start_host()
        took = sessions.click_to_qr(fleet)
        figures["click_to_qr_s"] = round(statistics.median(took), 3)
        phones: list[Any] = []
        for count in counts:
            phones += sessions.link_all(fleet, count - len(phones))
            host.terminate(60)
            starts = []
            for _ in range(ROUNDS):
                host, logins, rows = sessions.start_and_connect(fleet, phones)
                starts.append((logins, rows))
                if len(starts) < ROUNDS:
                    host.terminate(60)
            row = sessions.measure(fleet, host, phones)
            row["all_logged_in_s"] = round(statistics.median(s[0] for s in starts), 2)
            row["all_connected_s"] = round(statistics.median(s[1] for s in starts), 2)
            if messages and count > 1:
                rate = sessions.exchange(fleet, phones, messages)
                row["messages_per_second"] = round(rate, 1)
                after = sessions.measure(fleet, host, phones)
                row["session_pss_after_traffic_mib"] = after["session_pss_mib"]
            figures[f"sessions_{count}"] = row
    return figures


def measure_live(database: str, sockets: list[int]) -> dict[str, Any]:
    from tests.bench import installation, live

    directory = installation.configure(database)
    return live.measure(directory, sockets)


def measure_cost(database: str, counts: list[int], seconds: float) -> dict[str, Any]:
    from tests.bench import installation

    directory = installation.configure(database)
    from tests.bench import cost

    with installation.fleet_in(directory) as fleet:
        return cost.measure(fleet, counts, seconds)


def measure_takeover(database: str, count: int) -> dict[str, Any]:
    from tests.bench import installation

    directory = installation.configure(database)
    from tests.bench import takeover

    with installation.fleet_in(directory) as fleet:
        return takeover.measure(fleet, count)


def measure_imports(database: str, phones: int) -> dict[str, Any]:
    from tests.bench import imports, installation

    directory = installation.configure(database)
    try:
        return imports.measure(directory, phones)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def in_a_process(*arguments: str) -> dict[str, Any]:
    """One part; django is configured once per process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.run", "--part", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(figures: dict[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += table(value, f"{prefix}{name} ")
        else:
            lines.append(f"{prefix + name:<64} {value}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--sessions", default="1,10,50")
    parser.add_argument("--sockets", default="1,100")
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--fleet", default="100")
    parser.add_argument("--imports", default="1000")
    parser.add_argument("--idle", default="100")
    parser.add_argument("--idle-seconds", default="60")
    options = parser.parse_args()
    if options.part:
        part, database, numbers, *rest = options.part
        counts = [int(number) for number in numbers.split(",")]
        if part == "sessions":
            print(json.dumps(measure_sessions(database, counts, int(rest[0]))))
        elif part == "cost":
            print(json.dumps(measure_cost(database, counts, float(rest[0]))))
        elif part == "takeover":
            print(json.dumps(measure_takeover(database, counts[0])))
        elif part == "imports":
            print(json.dumps(measure_imports(database, counts[0])))
        else:
            print(json.dumps(measure_live(database, counts)))
        return
    figures: dict[str, Any] = {
        "measured": time.strftime("%Y-%m-%d"),
        "machine": f"Python {platform.python_version()}, 2 cores",
    }
    for database in options.databases.split(","):
        figures[database] = {
            **in_a_process(
                "sessions", database, options.sessions, str(options.messages)
            ),
            "live": in_a_process("live", database, options.sockets),
            **in_a_process("imports", database, options.imports),
        }
        if database == "postgresql":
            figures[database]["cost"] = in_a_process(
                "cost", database, options.idle, options.idle_seconds
            )
            figures[database]["three_hosts"] = in_a_process(
                "takeover", database, options.fleet
            )
    print("\n".join(table(figures)))
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
