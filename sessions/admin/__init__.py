from __future__ import annotations

from sessions.admin import alert, host, incident, quarantine

__all__ = ["alert", "host", "incident", "quarantine"]
