"""What becomes of a Baileys phone's records: decided before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions.baileys.conversion import Conversion, NotConvertible
from sessions.baileys.row_check import check_rows
from sessions.baileys.source import SourcePhone
from sessions.baileys.to_whatsmeow import convert
from sessions.policy.auth_check_texts import sentence
from sessions.policy.auth_findings import Finding, Severity, Verdict, verdict_of

WORST_FIRST = (Severity.FATAL, Severity.DAMAGE, Severity.NOTICE)


@dataclass(frozen=True)
class Plan:
    """A phone's records, checked and converted; nothing of it is of our database.

    conversion: None when a scan is needed. newest_change: when a row was last written
    at the source, None where it does not say. checked: False where there was nothing to
    look at, or no need.
    """

    organization: str
    number: str
    jid: str
    findings: tuple[Finding, ...]
    conversion: Conversion | None
    newest_change: datetime | None
    checked: bool = True

    @classmethod
    def unchecked(cls, organization: str, number: str) -> Plan:
        return cls(organization, number, "", (), None, None, checked=False)

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.findings)

    @property
    def reason(self) -> str:
        """The worst finding as a sentence; empty when there is none."""
        return sentence(self.findings[0]) if self.findings else ""

    def findings_as_json(self) -> list[dict[str, Any]]:
        return [
            {
                "check": finding.check,
                "severity": str(finding.severity),
                "values": dict(finding.values),
            }
            for finding in self.findings
        ]

    def summary(self) -> dict[str, Any]:
        """{"carried": {category: count}, "lost": {id: count}, "missing_lids": count}"""
        if self.conversion is None:
            return {"carried": {}, "lost": {}, "missing_lids": 0}
        return {
            "carried": dict(self.conversion.carried),
            "lost": dict(self.conversion.lost),
            "missing_lids": len(self.conversion.missing_lids),
        }


def plan(source: SourcePhone, lid_map: Mapping[str, str]) -> Plan:
    """Check and convert. Never raises for what stands in the rows.

    lid_map: bare number → bare LID user of the contacts.
    """
    findings = list(check_rows(source))
    conversion = None
    if verdict_of(findings) != Verdict.BROKEN:
        try:
            conversion = convert(source, lid_map=lid_map)
        except NotConvertible as failure:
            findings.append(failure.finding)
    findings.sort(key=lambda finding: WORST_FIRST.index(finding.severity))
    return Plan(
        organization=source.organization,
        number=source.number,
        jid=source.jid,
        findings=tuple(findings),
        conversion=conversion,
        newest_change=max(source.updated.values(), default=None),
    )
