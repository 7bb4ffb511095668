"""What a check of auth records found, and the verdict over all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """What a finding costs."""

    FATAL = "fatal"  # the whole phone: it must not start
    DAMAGE = "damage"  # single contacts or groups; heals by retries once dropped
    NOTICE = "notice"  # works, but somebody should know


class Verdict(StrEnum):
    HEALTHY = "healthy"
    SUSPICIOUS = "suspicious"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One check that did not hold.

    `check` is the id of its sentence, `values` what the sentence names (counts, row
    names; never a key or a whole phone number).
    """

    check: str
    severity: Severity
    values: Mapping[str, str | int] = field(default_factory=dict)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    severities = {finding.severity for finding in findings}
    if Severity.FATAL in severities:
        return Verdict.BROKEN
    return Verdict.SUSPICIOUS if severities else Verdict.HEALTHY
