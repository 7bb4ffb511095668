"""The sentence of a check, also where a cause names it."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from sessions.policy import causes
from sessions.policy.auth_check_texts import sentence
from sessions.policy.auth_checks import SEVERITIES, fatal, found, worst_first
from sessions.policy.auth_findings import Finding, Severity, Verdict, verdict_of
from sessions.policy.baileys_checks import SEVERITIES as OF_BAILEYS
from sessions.policy.warnings import records_broken


@pytest.mark.parametrize("check", [*SEVERITIES, *OF_BAILEYS])
def test_every_check_has_one_whole_sentence(check):
    with override("en"):
        said = sentence(Finding(check, Severity.FATAL))
    assert said[0].isupper() or said.startswith("SQLite")
    assert said.endswith(".")
    assert "%" not in said


def test_an_unknown_check_of_a_newer_version_is_said_too():
    assert "w99" in sentence(Finding("w99", Severity.NOTICE))


def test_a_cause_says_the_sentence_of_its_check_in_the_readers_language():
    values = {
        "reason": "Das Gerät …",  # as the host wrote it, in its own language
        "check": "w11",
        "check_values": {"column": "noise_key"},
    }
    with override("en"):
        said = causes.sentence("broken_store", values)
    assert "(The device row is damaged: noise_key.)" in said
    assert "Gerät" not in said
    assert "(No such file.)" in causes.sentence(
        "broken_store", {"reason": "No such file."}
    )


def test_the_verdict_is_that_of_the_worst():
    findings = worst_first([found("w31"), found("w20", count=1), found("w14")])
    assert [one.check for one in findings] == ["w14", "w20", "w31"]
    assert fatal(findings) == findings[0]
    assert fatal(findings[1:]) is None
    assert verdict_of(findings) == Verdict.BROKEN
    assert verdict_of(findings[1:]) == verdict_of(findings[2:]) == Verdict.SUSPICIOUS
    assert verdict_of([]) == Verdict.HEALTHY


def test_a_warning_names_the_first_fatal_check_alone():
    stored = [
        {"check": "w11", "severity": "fatal", "values": {"column": "noise_key"}},
        {"check": "w31", "severity": "notice", "values": {}},
    ]
    assert records_broken(stored) == {
        "check": "w11",
        "check_values": {"column": "noise_key"},
    }
    assert records_broken(stored[1:]) is None
