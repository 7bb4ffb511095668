"""What failed on this host, by the kind of incident that many of it would be."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sessions.policy.incidents import WAITING, kind_of


@dataclass(frozen=True)
class Failure:
    at: datetime
    cause: str


def _by_kind() -> dict[str, dict[int, Failure]]:
    return defaultdict(dict)


@dataclass
class Failures:
    """The last failure of each phone: of a waiting kind until the phone is back or
    gone, of a told kind for as long as it counts."""

    _by_kind: dict[str, dict[int, Failure]] = field(default_factory=_by_kind)

    def note(self, phone_id: int, cause: str, at: datetime) -> str | None:
        """The kind it belongs to, if any; what it failed of before is no more."""
        kind = kind_of(cause)
        if kind is not None:
            if kind in WAITING:
                self.forget(phone_id)
            self._by_kind[kind][phone_id] = Failure(at, cause)
        return kind

    def forget(self, phone_id: int) -> None:
        """The phone is back, or gone."""
        for kind in WAITING:
            self._by_kind[kind].pop(phone_id, None)

    def kinds(self, phone_id: int) -> set[str]:
        """The waiting kinds that it failed in last."""
        return {kind for kind in WAITING if phone_id in self._by_kind[kind]}

    def phones(self, kind: str) -> list[int]:
        return list(self._by_kind[kind])

    def last_at(self, kind: str) -> datetime | None:
        return max((each.at for each in self._by_kind[kind].values()), default=None)

    def since(self, kind: str, at: datetime) -> dict[int, str]:
        """{phone id: cause} of what failed after `at`; of told kinds the rest goes."""
        failed = self._by_kind[kind]
        if kind not in WAITING:
            for phone_id in [p for p, failure in failed.items() if failure.at < at]:
                del failed[phone_id]
        return {p: failure.cause for p, failure in failed.items() if failure.at >= at}
