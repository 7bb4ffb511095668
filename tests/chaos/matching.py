"""Which record tells of which ended connection: an alignment of two short lists; pure.

Both lists of one phone are in order, so the best alignment is found as for any two
sequences. A record names the moment its connection was made (time of the record minus
the time since the connect), which decides where the times alone would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.sandbox_log import Life

CLOCK_SKEW = 1.0  # the sandbox reads the end of a socket later than its client wrote
MOST_LATE = 180.0  # a record waits for the database, or for the next owner
MISSED = 10.0  # the price of leaving an end or a record alone
MISSED_UNCONNECTED = 0.5  # a record that claims no connection is none of a loss
WORST_MATCH = 5.0


@dataclass(frozen=True)
class Record:
    """A loss in ConnectionMetrics: disconnected, crashed or logged_out.

    connected_seconds: None when the phone was not connected.
    """

    number: str
    at: float
    event: str
    cause: str
    code: int | None = None
    connected_seconds: float | None = None
    host: str = ""

    @property
    def connected_at(self) -> float | None:
        if self.connected_seconds is None:
            return None
        return self.at - self.connected_seconds


@dataclass
class Match:
    """Of one phone. pairs in order; what is alone stands in the other lists."""

    pairs: list[tuple[Life, Record]] = field(default_factory=list)
    ends: list[Life] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def match(ends: Sequence[Life], records: Sequence[Record]) -> Match:
    """The cheapest alignment of ended connections with records, each in its order."""
    rows, columns = len(ends), len(records)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            best[i][j] = min(
                (cost for cost, _ in _steps(ends, records, best, i, j)), default=0.0
            )
    return _walk(ends, records, best)


def _steps(
    ends: Sequence[Life],
    records: Sequence[Record],
    best: list[list[float]],
    i: int,
    j: int,
) -> list[tuple[float, str]]:
    steps: list[tuple[float, str]] = []
    if i < len(ends) and j < len(records):
        price = _price(ends[i], records[j])
        if price is not None:
            steps.append((price + best[i + 1][j + 1], "pair"))
    if i < len(ends):
        missed = MISSED_UNCONNECTED if ends[i].active_at is None else MISSED
        steps.append((missed + best[i + 1][j], "end"))
    if j < len(records):
        claims = records[j].connected_seconds is not None
        missed = MISSED if claims else MISSED_UNCONNECTED
        steps.append((missed + best[i][j + 1], "record"))
    return steps


def _price(end: Life, record: Record) -> float | None:
    """0 to WORST_MATCH; None when the record cannot tell of this end."""
    assert end.ended_at is not None
    late = record.at - end.ended_at
    if not -CLOCK_SKEW <= late <= MOST_LATE:
        return None
    made = end.active_at or end.success_at
    if record.connected_at is None:
        return 0.4 + late / MOST_LATE / 2
    off = abs(record.connected_at - made)
    return min(off / 10, WORST_MATCH)


def _walk(
    ends: Sequence[Life], records: Sequence[Record], best: list[list[float]]
) -> Match:
    found = Match()
    i = j = 0
    while i < len(ends) or j < len(records):
        _, step = min(_steps(ends, records, best, i, j))
        if step == "pair":
            found.pairs.append((ends[i], records[j]))
        elif step == "end":
            found.ends.append(ends[i])
        else:
            found.records.append(records[j])
        i += step != "record"
        j += step != "end"
    return found
