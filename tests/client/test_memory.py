"""What ten idle sessions cost. A plain import of neonize costs 42 MiB in each."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

SESSIONS = 10
# Measured on neonize 0.5.2 with 10 sessions: 15.2, with 25: 13.8.
MOST_MEBIBYTES = 16.5
MOST_THREADS = 14


def pss_mebibytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return (
        next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    )


def test_ten_idle_sessions_are_small(new_session, sandbox):
    jids = []
    for index in range(SESSIONS):
        session = new_session(str(index))
        jids.append(session.pair(sandbox, f"7705487{index:04d}"))
        assert session.stop() == 0
    sessions = [new_session(str(index), jid=jid) for index, jid in enumerate(jids)]
    for session in sessions:
        session.wait_for("alive", connected=True)
    time.sleep(2)
    sizes = [pss_mebibytes(session.pid) for session in sessions]
    assert statistics.median(sizes) < MOST_MEBIBYTES, sizes
    threads = [len(list(Path(f"/proc/{s.pid}/task").iterdir())) for s in sessions]
    assert statistics.median(threads) <= MOST_THREADS
