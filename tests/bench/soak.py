"""`make soak`: what takes minutes by its nature. Writes docs/soak.json.

Two parts side by side, each in a process of its own: the library's own clocks on one
host, and an outage of the network for a fleet of hundred.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = Path("docs/soak.json")


def clocks(options: argparse.Namespace) -> dict[str, Any]:
    from tests.bench import installation

    directory = installation.configure("sqlite")
    from tests.bench import clocks

    with installation.fleet_in(directory) as fleet:
        return clocks.measure(fleet)


def outage(options: argparse.Namespace) -> dict[str, Any]:
    from tests.bench import installation

    directory = installation.configure("postgresql")
    from tests.bench import outage

    with installation.fleet_in(directory) as fleet:
        return outage.measure(
            fleet, options.phones, options.hosts, 60 * options.outage_minutes
        )


PARTS = {"clocks": clocks, "outage": outage}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.soak", description=__doc__
    )
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--outage-minutes", type=float, default=10.0)
    parser.add_argument("--phones", type=int, default=100)
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        (part,) = options.part
        print(json.dumps(PARTS[part](options)))
        return
    parts = options.part or [*PARTS]
    running = {part: in_a_process(part) for part in parts}
    figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    figures = {part: figures[part] for part in PARTS if part in figures}
    failed = False
    for part, process in running.items():
        said, _ = process.communicate()
        failed = failed or process.returncode != 0
        if process.returncode == 0:
            figures[part] = {
                "measured": time.strftime("%Y-%m-%d"),
                **json.loads(said.splitlines()[-1]),
            }
    print(json.dumps(figures, indent=2))
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(failed)


def in_a_process(part: str) -> subprocess.Popen[bytes]:
    """Django is configured once per process."""
    arguments = [argument for argument in sys.argv[1:] if argument not in PARTS]
    arguments = [argument for argument in arguments if argument != "--part"]
    module = [sys.executable, "-m", "tests.bench.soak"]
    return subprocess.Popen(
        [*module, "--here", "--part", part, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


if __name__ == "__main__":
    main()
