"""The measuring itself: what is counted from logs."""

from __future__ import annotations

from pathlib import Path

from tests.bench.cost import writes_in
from tests.bench.outage import STARTED, most_in_a_second

LOG = """\
2026-11-22 21:00:00.000 UTC [1] LOG:  execute <unnamed>: UPDATE "Lease" SET "a" = $1
2026-11-22 21:00:01.000 UTC [1] LOG:  execute _pg3_0: UPDATE "Lease" SET "a" = $1
2026-11-22 21:00:01.000 UTC [1] DETAIL:  Parameters: $1 = 'DELETE FROM "Lease"'
2026-11-22 21:00:02.000 UTC [1] LOG:  statement: INSERT INTO "Change" ("b") VALUES (1)
2026-11-22 21:00:02.000 UTC [1] LOG:  statement: DELETE FROM "Change"
2026-11-22 21:00:03.000 UTC [1] LOG:  checkpoint starting: time
"""


def test_statements_that_write_are_counted_by_table(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("earlier: statement: UPDATE x\n" + LOG)
    position = log.read_text().index("2026")
    assert writes_in(log, position) == {
        "UPDATE Lease": 2,
        "INSERT Change": 1,
        "DELETE Change": 1,
    }


def test_the_busiest_second_may_begin_anywhere():
    assert most_in_a_second([]) == 0
    assert most_in_a_second([5.0, 0.0, 0.9, 1.0, 1.5, 9.0]) == 3


def test_a_start_is_found_in_a_hosts_log():
    line = "2026-11-22 21:12:19,855 INFO sessions.host.launch session started phone=1"
    assert STARTED.findall(f"another line\n{line}\n") == ["2026-11-22 21:12:19,855"]
