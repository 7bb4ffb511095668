"""A plan is decided by its seed, and leaves somebody to take over."""

from __future__ import annotations

import pytest

from tests.chaos.plan import KINDS, LEASE_TTL, QUIET_END, draw_plan

WHOLE = {"seconds": 1800.0, "phones": 100, "hosts": 3}


def test_a_seed_is_a_plan():
    assert draw_plan(7, **WHOLE) == draw_plan(7, **WHOLE)
    assert draw_plan(7, **WHOLE) != draw_plan(8, **WHOLE)


@pytest.mark.parametrize("seed", range(5))
def test_each_kind_of_fault_comes(seed: int):
    kinds = {fault.kind for fault in draw_plan(seed, **WHOLE)}
    streams = {kind for kind in kinds if kind.startswith("stream_error")}
    assert streams == {f"stream_error_{code}" for code in (500, 503, 515, 516)}
    assert kinds - streams == KINDS.keys() - {"stream_error"}


@pytest.mark.parametrize("seed", range(5))
def test_faults_come_in_order_and_end_with_the_clock(seed: int):
    times = [fault.at for fault in draw_plan(seed, **WHOLE)]
    assert times == sorted(times)
    assert times[0] > 0 and times[-1] < WHOLE["seconds"] - QUIET_END
    assert len(times) > 400


@pytest.mark.parametrize("seed", range(5))
def test_one_host_runs_at_any_moment(seed: int):
    plan = [fault for fault in draw_plan(seed, **WHOLE) if fault.host is not None]
    for fault in plan:
        down = {
            other.host
            for other in plan
            if other.at <= fault.at < other.at + other.seconds
        }
        assert len(down) < WHOLE["hosts"]


@pytest.mark.parametrize("seed", range(5))
def test_a_frozen_host_sleeps_past_its_leases(seed: int):
    frozen = [f for f in draw_plan(seed, **WHOLE) if f.kind == "freeze_host"]
    assert frozen and all(fault.seconds > LEASE_TTL for fault in frozen)


@pytest.mark.parametrize("seed", range(5))
def test_few_phones_are_unlinked_and_nothing_is_done_to_them_afterwards(seed: int):
    gone: dict[int, float] = {}
    for fault in draw_plan(seed, **WHOLE):
        assert not gone.keys() & set(fault.phones)
        if fault.kind == "unlink":
            gone[fault.phones[0]] = fault.at
    assert 1 <= len(gone) <= 6


@pytest.mark.parametrize("seed", range(5))
def test_no_store_fails_twice(seed: int):
    plan = draw_plan(seed, **WHOLE)
    hit = [f.phones for f in plan if f.kind in {"full_disk", "corrupt_store"}]
    assert len(hit) == len(set(hit))


def test_a_short_run_has_room_for_most_kinds():
    plan = draw_plan(3, seconds=60.0, phones=12, hosts=2)
    assert len({fault.kind for fault in plan}) >= 10
    assert all(number < 12 for fault in plan for number in fault.phones)
    assert all(fault.host in (None, 0, 1) for fault in plan)
