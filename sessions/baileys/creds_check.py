"""Are these the creds of a linked device, whole and of one link? Else: scan anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phones.numbers import mask_number
from sessions.auth.rows import Text
from sessions.auth.signatures import wrong_signatures
from sessions.baileys.addresses import OWN_JID
from sessions.baileys.conversion import NotConvertible
from sessions.baileys.device import Device, read_device
from sessions.baileys.source import CREDS, SourcePhone
from sessions.policy.auth_findings import Finding
from sessions.policy.baileys_checks import found
from sessions.policy.number_aliases import same_number

# The checks of the same signatures in the row that is made of the creds.
SIGNATURES = {"w12": "b06", "w13": "b07", "w14": "b08"}


def check_creds(phone: SourcePhone) -> tuple[Device | None, list[Finding]]:
    """(the device, nothing), or what keeps it from being taken over; all fatal."""
    unlinked = _unlinked(phone)
    if unlinked is not None:
        return None, [unlinked]
    try:
        device = read_device(phone.rows[CREDS])
    except NotConvertible as failure:
        return None, [found("b05", what=failure.finding.values.get("what", ""))]
    findings = [found(SIGNATURES[check]) for check in wrong_signatures(_keys(device))]
    if phone.number.isdigit() and not same_number(phone.number, device.number):
        findings.append(found("b09", number=mask_number(device.number)))
    return (None, findings) if findings else (device, [])


def _unlinked(phone: SourcePhone) -> Finding | None:
    """Creds that are missing, unreadable, or were never linked."""
    if CREDS in phone.unreadable:
        return found("b02", why=phone.unreadable[CREDS])
    creds = phone.rows.get(CREDS)
    if creds is None:
        return found("b01", count=len(phone.rows) + len(phone.unreadable))
    if not isinstance(creds, dict):
        return found("b02", why="not an object")
    if _is_linked(creds):
        return None
    # Baileys reads creds that are cut off as none and makes new ones; the phone goes on
    # listing the device that these sessions are of.
    sessions = sum(key.startswith("session-") for key in phone.rows)
    if sessions:
        return found("b03", sessions=sessions)
    return found("b04")


def _is_linked(creds: Mapping[str, Any]) -> bool:
    """Asking for a pairing code writes `me` before anything is linked, bare."""
    me = creds.get("me")
    jid = me.get("id") if isinstance(me, dict) else None
    has_device = isinstance(jid, str) and OWN_JID.fullmatch(jid) is not None
    return has_device and bool(creds.get("account"))


def _keys(device: Device) -> dict[str, bytes]:
    return {
        column: value
        for column, value in device.row.items()
        if isinstance(value, bytes) and not isinstance(value, Text)
    }
