"""The version of this program, for people and for the servers' page."""

from __future__ import annotations

VERSION = "0.3.0"
