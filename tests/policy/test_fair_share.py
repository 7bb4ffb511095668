"""Who takes free phones and who gives some away; any distribution settles."""

from __future__ import annotations

import random
import uuid

from hypothesis import given
from hypothesis import strategies as st

from sessions.policy.fair_share import Load, may_take, receiver_for


def loads(*pairs: tuple[int, int]) -> list[Load]:
    return [Load(uuid.UUID(int=n), *pair) for n, pair in enumerate(pairs, start=1)]


def equal(*phones: int) -> list[Load]:
    return loads(*((count, 200) for count in phones))


def gives(hosts: list[Load], giver: int) -> int | None:
    receiver = receiver_for(hosts[giver].host, hosts)
    return None if receiver is None else [load.host for load in hosts].index(receiver)


def test_an_empty_host_gets_a_phone_of_a_full_one():
    assert gives(equal(20, 0), 0) == 1
    assert gives(equal(20, 0), 1) is None


def test_the_emptiest_gets_it():
    assert gives(equal(20, 7, 3), 0) == 2
    assert gives(equal(20, 7, 3), 1) == 2


def test_a_difference_of_one_is_left_alone():
    assert gives(equal(1, 0), 0) is None
    assert gives(equal(8, 7), 0) is None
    assert gives(equal(8, 6), 0) == 1


def test_a_difference_below_a_tenth_is_left_alone():
    assert gives(equal(100, 91), 0) is None
    assert gives(equal(100, 90), 0) == 1


def test_a_full_host_gets_nothing():
    assert gives(loads((5, 10), (2, 2)), 0) is None


def test_a_host_that_is_not_there_gives_nothing():
    assert receiver_for(uuid.uuid4(), equal(5, 0)) is None
    assert may_take(uuid.uuid4(), equal(5, 0), 3) == 0


def test_shares_follow_the_capacity():
    hosts = loads((0, 300), (0, 100))
    assert [may_take(load.host, hosts, 40) for load in hosts] == [30, 10]


def test_a_host_above_its_share_leaves_free_phones_to_others():
    above, below = equal(10, 2)
    assert may_take(above.host, [above, below], 4) == 0
    assert may_take(below.host, [above, below], 4) == 6


def test_a_lone_host_takes_all_that_it_has_room_for():
    (alone,) = loads((3, 10))
    assert may_take(alone.host, [alone], 5) == 5
    assert may_take(alone.host, [alone], 50) == 7


hosts_of_any_kind = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 120)).map(
        lambda pair: (min(pair), max(pair[1], 1))
    ),
    min_size=1,
    max_size=7,
)


@given(hosts_of_any_kind, st.randoms(use_true_random=False))
def test_any_distribution_settles_and_stops(pairs, rng: random.Random):
    hosts = loads(*pairs)
    total = sum(load.phones for load in hosts)
    for _ in range(20 * total + 1):
        moves = [
            (giver, receiver)
            for giver in range(len(hosts))
            if (receiver := gives(hosts, giver)) is not None
        ]
        if not moves:
            break
        giver, receiver = rng.choice(moves)  # whichever host comes to it first
        hosts[giver] = moved(hosts[giver], -1)
        hosts[receiver] = moved(hosts[receiver], 1)
    else:
        raise AssertionError(f"still moving: {hosts}")
    assert sum(load.phones for load in hosts) == total
    assert all(0 <= load.phones <= load.capacity for load in hosts)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=7))
def test_hosts_of_one_size_end_up_alike(counts):
    hosts = equal(*counts)
    while moves := [n for n in range(len(hosts)) if gives(hosts, n) is not None]:
        receiver = gives(hosts, moves[0])
        hosts[moves[0]] = moved(hosts[moves[0]], -1)
        hosts[receiver] = moved(hosts[receiver], 1)
    most = max(load.phones for load in hosts)
    least = min(load.phones for load in hosts)
    assert most - least <= max(1, most / 10)


def moved(load: Load, count: int) -> Load:
    return Load(load.host, load.phones + count, load.capacity)


@given(hosts_of_any_kind, st.integers(0, 100))
def test_somebody_takes_each_free_phone_that_there_is_room_for(pairs, free):
    hosts = loads(*pairs)
    room = sum(load.room for load in hosts)
    taken = sum(may_take(load.host, hosts, free) for load in hosts)
    assert taken >= min(free, room)
