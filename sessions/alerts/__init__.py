"""Telling people: what should be known now, and that it is known."""

from __future__ import annotations

from sessions.alerts.survey import survey

__all__ = ["survey"]
