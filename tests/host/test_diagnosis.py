"""What a session process left on stderr, and what of it explains its end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sessions.client.log_lines import START_MARK
from sessions.host.diagnosis import Diagnosis
from sessions.policy.rules import DEFAULT_RULES

CRASH = "fatal error: concurrent map writes\n" + "goroutine 7 [running]:\n" * 2000


@pytest.fixture
def diagnose(tmp_path):
    """`diagnose(written)`: the finding for a process that was killed after it."""

    def of(written: str):
        errors = tmp_path / "phone.stderr"
        errors.write_text(written)
        journal = SimpleNamespace(
            phone=SimpleNamespace(phone_number="77054810862"), facts=None
        )
        return Diagnosis(journal, errors, DEFAULT_RULES).of_exit(-9, False)

    return of


def test_a_crash_is_told_by_its_first_line_however_long_it_is(diagnose):
    found = diagnose(f"{START_MARK} pid=1\nsome words\n{CRASH}")
    assert (found.cause, found.message) == ("l2", "fatal error: concurrent map writes")


def test_the_crash_of_an_earlier_process_explains_no_later_end(diagnose):
    found = diagnose(f"{START_MARK} pid=1\n{CRASH}{START_MARK} pid=2\nsome words\n")
    assert (found.cause, found.message) == ("l2", "process ended by SIGKILL")


def test_no_file_is_no_crash(diagnose, tmp_path):
    diagnosis = Diagnosis(
        SimpleNamespace(phone=SimpleNamespace(phone_number="77054810862"), facts=None),
        tmp_path / "nothing",
        DEFAULT_RULES,
    )
    assert diagnosis.of_exit(-9, False).message == "process ended by SIGKILL"
