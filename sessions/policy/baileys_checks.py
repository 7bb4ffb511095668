"""The checks of Baileys' rows: their ids and what a failure costs."""

from __future__ import annotations

from sessions.policy.auth_findings import Finding, Severity

_FATAL = ("b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b09")
_DAMAGE = ("b20", "b21", "b22", "b23", "b24", "b25", "b26", "b27")
_NOTICE = ("b30", "b31", "b32", "b33", "b34", "b35", "b36")

SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys(_FATAL, Severity.FATAL),
    **dict.fromkeys(_DAMAGE, Severity.DAMAGE),
    **dict.fromkeys(_NOTICE, Severity.NOTICE),
}


def found(check: str, **values: str | int) -> Finding:
    """A finding of this check; its severity is the catalogue's."""
    return Finding(check, SEVERITIES[check], values)
