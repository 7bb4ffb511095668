"""The protocol's dictionary, version 3; where it comes from is noted in the file."""

from __future__ import annotations

import json
from pathlib import Path

_DICTIONARY = json.loads(Path(__file__).with_name("tokens.json").read_text("utf-8"))

DICTIONARY_ORIGIN: str = _DICTIONARY["origin"]
VERSION: int = _DICTIONARY["dictionary_version"]
SINGLE: list[str] = _DICTIONARY["single"]
DOUBLE: list[list[str]] = _DICTIONARY["double"]
