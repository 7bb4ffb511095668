"""A session process that dies: the same keys, a new process, no scan."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from metrics.models import ConnectionMetrics
from phones.models import Status
from tests.acceptance.fleet import Fleet, children_of
from tests.acceptance.lives import facts_of
from tests.factories import make_phone

# The store file and the session process know nothing of the database.
pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize("word", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM"])
def test_it_is_connected_again_without_a_scan(fleet: Fleet, phone, word: str):
    fleet.start_host()
    jid = fleet.link(phone)
    old = fleet.session_pid(phone)
    os.kill(old, signal.Signals[word])
    fleet.wait(lambda: facts_of(phone).cause == "l2", "its cause on the page")
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    assert fleet.session_pid(phone) != old
    crash = ConnectionMetrics.objects.get(phone=phone, event="crashed")
    assert crash.cause == "l2"
    assert crash.error_code == 128 + signal.Signals[word]
    assert crash.error_message
    device = fleet.device(jid)
    assert (device["logins"], device["double_logins"]) == (2, 0)


def priorities(pid: int) -> dict[int, int]:
    """By thread; Linux has one for each."""
    found: dict[int, int] = {}
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        with suppress(ProcessLookupError):  # it has just ended
            found[thread] = os.getpriority(os.PRIO_PROCESS, thread)
    return found


def test_it_gives_way_to_its_host_but_hears_it(fleet: Fleet, phone):
    """Many that start at once must not keep the host from renewing leases, nor
    themselves from hearing of it."""
    host = fleet.start_host()
    fleet.link(phone)
    own = os.getpriority(os.PRIO_PROCESS, host.process.pid)
    session = fleet.session_pid(phone)
    found = priorities(session)
    assert found.pop(session) == own
    assert sum(priority > own for priority in found.values()) >= 3


def test_all_are_back_after_their_forkserver_was_killed(fleet: Fleet, organization):
    host = fleet.start_host()
    phones = [make_phone(organization) for _ in range(3)]
    jids = fleet.link_all(phones)
    first = fleet.session_pid(phones[0])
    (forkserver,) = [pid for pid in children_of(host.process.pid) if children_of(pid)]
    assert first in children_of(forkserver)
    os.kill(forkserver, signal.SIGKILL)
    fleet.wait_logins(jids, 2)
    fleet.wait_all(phones, Status.CONNECTED)
    assert not any(fleet.device(jid)["double_logins"] for jid in jids)
