from __future__ import annotations

from tests.sandbox.conftest import start_client

__all__ = ["start_client"]
