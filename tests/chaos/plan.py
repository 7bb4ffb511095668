"""What will go wrong, when and for whom: drawn from a seed, and from nothing else.

A plan of the same seed, length and size is the same on every machine. Times are
seconds from the start of the clock; phones and hosts are numbers from 0.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Between two faults, on average. Chaos hits a phone far more often than life does.
PAUSE = 3.0
# Nothing new happens in the last seconds, so that each fault has its full length.
QUIET_END = 10.0
LEASE_TTL = 10.0
LONG_RUN = 600.0  # the library forces a login after 182 s without a keepalive
UNLINKED_SHARE = 0.06


@dataclass(frozen=True)
class Fault:
    """kind: a name of KINDS. seconds: until it is taken back, 0 if that is at once."""

    at: float
    kind: str
    phones: tuple[int, ...] = ()
    host: int | None = None
    seconds: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [f"{self.at:7.1f} s  {self.kind}"]
        if self.host is not None:
            words.append(f"host={self.host}")
        if self.phones:
            words.append(f"phones={','.join(map(str, self.phones))}")
        if self.seconds:
            words.append(f"for {self.seconds:.1f} s")
        words += [f"{name}={value}" for name, value in self.options.items()]
        return " ".join(words)


class Draw:
    """The state of one drawing: who is down, who was unlinked."""

    def __init__(self, seed: int, seconds: float, phones: int, hosts: int) -> None:
        self.rng = random.Random(seed)
        self.length = seconds
        self.linked = list(range(phones))
        self.unlinks_left = max(1, round(phones * UNLINKED_SHARE))
        self.stores = self.rng.sample(range(phones), phones)
        self.hosts = hosts
        self.down: dict[int, float] = {}  # until when
        self.database_down = 0.0

    def some_phones(self, most: int) -> tuple[int, ...]:
        count = min(self.rng.randint(1, most), len(self.linked))
        return tuple(sorted(self.rng.sample(self.linked, count)))

    def a_host(self, at: float, seconds: float) -> int | None:
        """One that runs while another does; nobody can take over from the last."""
        running = [h for h in range(self.hosts) if self.down.get(h, 0.0) <= at]
        if len(running) < 2:
            return None
        host = self.rng.choice(running)
        self.down[host] = at + seconds
        return host

    def seconds(self, least: float, most: float) -> float:
        return round(self.rng.uniform(least, most), 1)


def _host_fault(kind: str, least: float, most: float) -> Callable[..., Fault | None]:
    def draw(one: Draw, at: float) -> Fault | None:
        seconds = one.seconds(least, most)
        host = one.a_host(at, seconds + LEASE_TTL)
        return None if host is None else Fault(at, kind, host=host, seconds=seconds)

    return draw


def _wire_fault(kind: str, most: int) -> Callable[..., Fault | None]:
    return lambda one, at: Fault(at, kind, one.some_phones(most))


def _kill_postgres(one: Draw, at: float) -> Fault | None:
    if one.database_down > at:
        return None
    # Every third outage is longer than a lease.
    long = one.rng.random() < 1 / 3
    seconds = one.seconds(LEASE_TTL, 2 * LEASE_TTL) if long else one.seconds(0.5, 4)
    one.database_down = at + seconds + 2 * LEASE_TTL
    return Fault(at, "kill_postgres", seconds=seconds)


def _stream_error(one: Draw, at: float) -> Fault:
    code = one.rng.choice((500, 503, 515, 516))
    return Fault(at, f"stream_error_{code}", one.some_phones(3))


def _mute(one: Draw, at: float) -> Fault:
    long = one.length >= LONG_RUN and one.rng.random() < 1 / 3
    seconds = one.seconds(225, 260) if long else one.seconds(15, 45)
    return Fault(at, "mute_keepalive", one.some_phones(3), seconds=seconds)


def _unlink(one: Draw, at: float) -> Fault | None:
    if one.unlinks_left == 0 or len(one.linked) < 3:
        return None
    one.unlinks_left -= 1
    phone = one.rng.choice(one.linked)
    one.linked.remove(phone)
    return Fault(at, "unlink", (phone,))


def _store_fault(kind: str, seconds: float) -> Callable[..., Fault | None]:
    """Each store once: the second storage error of a phone holds it, by design."""

    def draw(one: Draw, at: float) -> Fault | None:
        phone = next((p for p in one.stores if p in one.linked), None)
        if phone is None:
            return None
        one.stores.remove(phone)
        damage = one.rng.choice(("garbage", "torn", "empty"))
        options = {"damage": damage} if kind == "corrupt_store" else {}
        return Fault(at, kind, (phone,), seconds=seconds, options=options)

    return draw


def _lasting(kind: str, least: float, most: float) -> Callable[..., Fault | None]:
    return lambda one, at: Fault(at, kind, seconds=one.seconds(least, most))


# How often each kind is drawn, and how.
KINDS: dict[str, tuple[float, Callable[[Draw, float], Fault | None]]] = {
    "kill_session": (5, _wire_fault("kill_session", 3)),
    "kill_host": (2, _host_fault("kill_host", 3, 25)),
    "stop_host": (1, _host_fault("stop_host", 3, 15)),
    "freeze_host": (2, _host_fault("freeze_host", LEASE_TTL + 1, 2 * LEASE_TTL)),
    "kill_web": (1, _lasting("kill_web", 1, 5)),
    "kill_postgres": (1, _kill_postgres),
    "refuse_connections": (2, _lasting("refuse_connections", 3, 15)),
    "reset": (5, _wire_fault("reset", 5)),
    "close": (4, _wire_fault("close", 5)),
    "mute_keepalive": (2, _mute),
    "stream_error": (6, _stream_error),
    "unlink": (1, _unlink),
    "full_disk": (2, _store_fault("full_disk", 20)),
    "corrupt_store": (3, _store_fault("corrupt_store", 0)),
}


def draw_plan(seed: int, *, seconds: float, phones: int, hosts: int) -> list[Fault]:
    """Faults in the order of their time; first each kind once, as far as time goes."""
    one = Draw(seed, seconds, phones, hosts)
    first = one.rng.sample(sorted(KINDS), len(KINDS))
    # A short run has no time for the last of them at the usual pace.
    pause = min(PAUSE, (seconds - QUIET_END) / (len(KINDS) + 1))
    faults: list[Fault] = []
    at = 1.0
    while at < seconds - QUIET_END:
        kind = first.pop() if first else _weighted(one.rng)
        fault = KINDS[kind][1](one, round(at, 1))
        if fault is not None:
            faults.append(fault)
        at += pause * (0.25 + 1.5 * one.rng.random())
    return faults


def _weighted(rng: random.Random) -> str:
    names = sorted(KINDS)
    return rng.choices(names, weights=[KINDS[name][0] for name in names])[0]
