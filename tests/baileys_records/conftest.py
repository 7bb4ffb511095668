from __future__ import annotations

from tests.auth.conftest import create_schema, schema

__all__ = ["create_schema", "schema"]
