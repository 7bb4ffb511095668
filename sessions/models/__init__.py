from __future__ import annotations

from sessions.models.alert import Alert
from sessions.models.auth import BaileysAuth, Quarantine, Stamp
from sessions.models.auth_report import AuthReport
from sessions.models.baileys_import import BaileysImport, BaileysImportPhone
from sessions.models.facts import SessionFacts
from sessions.models.host import Host
from sessions.models.incident import Incident
from sessions.models.lease import (
    Fence,
    HostForgotten,
    LeaseLost,
    NumberRunsElsewhere,
    PhoneLease,
    Renewal,
    fenced_write,
)
from sessions.models.loads import loads_of
from sessions.models.pairing import ACTIVE, ENDED, Pairing, PairingState
from sessions.models.proxy import PhoneProxy
from sessions.models.wish import PhoneRequest, Wish

__all__ = [
    "ACTIVE",
    "ENDED",
    "Alert",
    "AuthReport",
    "BaileysAuth",
    "BaileysImport",
    "BaileysImportPhone",
    "Fence",
    "Host",
    "HostForgotten",
    "Incident",
    "LeaseLost",
    "NumberRunsElsewhere",
    "Pairing",
    "PairingState",
    "PhoneLease",
    "PhoneProxy",
    "PhoneRequest",
    "Quarantine",
    "Renewal",
    "SessionFacts",
    "Stamp",
    "Wish",
    "fenced_write",
    "loads_of",
]
