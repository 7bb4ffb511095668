from __future__ import annotations

from phones.models.audit import AuditEntry
from phones.models.change import Change
from phones.models.organization import Membership, Organization, Role
from phones.models.phone import OrganizationPhone, Status

__all__ = [
    "AuditEntry",
    "Change",
    "Membership",
    "Organization",
    "OrganizationPhone",
    "Role",
    "Status",
]
