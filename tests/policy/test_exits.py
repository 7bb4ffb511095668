from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest

from sessions.client.exit_codes import CONNECT_RAISED, CRASHED, REFUSED
from sessions.policy.exits import classify_exit, crash_line
from sessions.policy.finding import Context, Finding

NOW = datetime(2026, 11, 22, 14, 0, 0, tzinfo=UTC)
NOTHING = Context(now=NOW)
GO = """\
Press Ctrl+C to exit
fatal error: concurrent map writes

goroutine 57 [running]:
main.Stop(0xc0001)
"""


def told(cause, seconds=1):
    return Context(
        now=NOW, previous=Finding(cause, None, "", NOW - timedelta(seconds=seconds))
    )


@pytest.mark.parametrize(
    ("exitcode", "stderr", "cause", "code", "message"),
    [
        (-signal.SIGALRM, "", "lease_lost", None, "not renewed"),
        (-signal.SIGABRT, GO, "l2", 134, "fatal error: concurrent map writes"),
        (-signal.SIGKILL, "", "l2", 137, "process ended by SIGKILL"),
        (-signal.SIGSEGV, "x\nSIGSEGV: bad\n", "l2", 139, "SIGSEGV: bad"),
        (2, "panic: runtime error: index\n", "l2", 2, "panic: runtime error: index"),
        (CRASHED, "", "l2", 1, "process exited with 1"),
        (0, "", "l2", 0, "process exited with 0"),
        (-77, "", "l2", 205, "process ended by signal 77"),
    ],
)
def test_an_exit_has_its_cause(exitcode, stderr, cause, code, message):
    found = classify_exit(exitcode, NOTHING, stderr)
    assert (found.cause, found.code, found.message) == (cause, code, message)


@pytest.mark.parametrize(
    ("exitcode", "cause"), [(REFUSED, "refused"), (CONNECT_RAISED, "n3")]
)
def test_what_was_told_before_is_not_told_again(exitcode, cause):
    assert classify_exit(exitcode, told(cause)) is None


@pytest.mark.parametrize("exitcode", [REFUSED, CONNECT_RAISED])
def test_a_refusal_whose_line_was_lost_is_a_crash(exitcode):
    assert classify_exit(exitcode, NOTHING).cause == "l2"
    assert classify_exit(exitcode, told("n1", seconds=60)).cause == "l2"


def test_the_deadline_wins_over_what_stands_in_stderr():
    assert classify_exit(-signal.SIGALRM, NOTHING, GO).cause == "lease_lost"


def test_there_is_no_crash_line_in_plain_output():
    assert crash_line("Press Ctrl+C to exit\nwarning: panic button pressed\n") == ""
