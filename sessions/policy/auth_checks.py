"""The checks of whatsmeow's records: their ids and what a failure costs."""

from __future__ import annotations

from collections.abc import Iterable

from sessions.policy.auth_findings import Finding, Severity

_FATAL = (
    *("w01", "w02", "w03", "w04", "w05", "w06", "w07", "w08", "w09", "w10", "w11"),
    *("w12", "w13", "w14", "w15", "w16", "w17", "w18"),
)
_DAMAGE = ("w20", "w21", "w22", "w23", "w24", "w25", "w26", "w27")
_NOTICE = ("w30", "w31", "w32", "w33", "w34")

SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys(_FATAL, Severity.FATAL),
    **dict.fromkeys(_DAMAGE, Severity.DAMAGE),
    **dict.fromkeys(_NOTICE, Severity.NOTICE),
}
_RANK = {Severity.FATAL: 0, Severity.DAMAGE: 1, Severity.NOTICE: 2}


def found(check: str, **values: str | int) -> Finding:
    """A finding of this check; its severity is the catalogue's."""
    return Finding(check, SEVERITIES[check], values)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: (_RANK[one.severity], one.check))


def fatal(findings: Iterable[Finding]) -> Finding | None:
    """The first that keeps the phone from being started."""
    return next((one for one in findings if one.severity == Severity.FATAL), None)
