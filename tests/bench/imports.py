"""Taking over a whole Baileys server: seconds, and the memory that it needs at most."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sessions.baileys import buffer_json
from tests.baileys_records.made_up import made_up_rows
from tests.processes import ROOT

SESSIONS = 200  # Signal sessions of each phone


def measure(directory: Path, phones: int, sessions: int = SESSIONS) -> dict[str, Any]:
    """Import made-up phones from one dump, then again: the second writes nothing."""
    dump = directory / "dump.json"
    rows = write_dump(dump, phones, sessions)
    first, peak, outcomes = _import(dump)
    again, _, second = _import(dump)
    if outcomes != {"take_over": phones} or second != {"already_here": phones}:
        raise AssertionError(f"not all were taken over: {outcomes}, then {second}")
    return {
        f"import_{phones}x{sessions}": {
            "rows": rows,
            "dump_mib": round(dump.stat().st_size / 1024**2, 1),
            "seconds": round(first, 1),
            "phones_per_second": round(phones / first, 1),
            "peak_rss_mib": round(peak, 1),
            "again_seconds": round(again, 1),
        }
    }


def write_dump(path: Path, phones: int, sessions: int) -> int:
    """A JSON array of rows as the old server's table has them; how many."""
    count = 0
    with path.open("w") as file:
        for at in range(phones):
            number = f"7705{at:07d}"
            for key, value in made_up_rows(number, sessions=sessions).items():
                row = {
                    "organizationId": 1,
                    "phoneJid": number,
                    "key": key,
                    "value": buffer_json.dumps(value),
                }
                file.write(("[" if not count else ",\n") + json.dumps(row))
                count += 1
        file.write("]\n")
    return count


def _import(dump: Path) -> tuple[float, float, dict[str, int]]:
    """(seconds, peak resident MiB, {outcome: phones}) of the command in its process."""
    command = ["manage.py", "import_baileys", "--dump", str(dump), "--json"]
    command += ["--organization", "Bench"]
    answers = dump.with_suffix(".answers")
    began = time.monotonic()
    with answers.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    outcomes: dict[str, int] = {}
    for line in answers.read_text().splitlines():
        outcome = json.loads(line)["outcome"]
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return took, usage.ru_maxrss / 1024, outcomes
