from __future__ import annotations

from phones.admin import audit, organization, people, phone

__all__ = ["audit", "organization", "people", "phone"]
