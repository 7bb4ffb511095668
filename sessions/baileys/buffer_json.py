"""JSON as Baileys writes it: bytes are objects of the type "Buffer"."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NoReturn

URL_SAFE = str.maketrans("-_", "+/")


def loads(text: str | bytes) -> Any:
    """Read a stored value; Buffers, with base64 text or a number list, become bytes.

    Messages of protobufjs (`creds.account`, app state keys) hold bare base64 text that
    nothing marks as bytes: `octets` reads those. Raises ValueError for anything else
    than JSON, and for a Buffer that holds no bytes.
    """
    # Sessions, most of a store, hold none; looking at each of their objects takes long.
    sign = b"uffer" if isinstance(text, bytes) else "uffer"
    hook = _revived if sign in text else None  # type: ignore[operator]
    try:
        return json.loads(text, object_hook=hook, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(value: Any) -> str:
    """Write a value as Baileys does, bytes as base64 Buffers."""
    return json.dumps(value, default=_buffer, allow_nan=False, separators=(",", ":"))


def octets(value: Any) -> bytes:
    """The bytes of a value that is bytes or bare base64 text; else ValueError."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _decoded(value)
    raise ValueError("neither bytes nor base64")


def _revived(document: dict[str, Any]) -> Any:
    if document.get("type") != "Buffer" and document.get("buffer") is not True:
        return document
    content = document.get("data") or document.get("value") or ""
    if isinstance(content, str):
        return _decoded(content)
    try:
        if isinstance(content, list):
            return bytes(content)
    except (TypeError, ValueError):
        pass
    raise ValueError("a Buffer holds something else than bytes")


def _decoded(text: str) -> bytes:
    """Node's base64: padding may be missing, the URL alphabet is understood too."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        bare = text.rstrip("=").translate(URL_SAFE)
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise ValueError("not base64") from None


def _buffer(value: object) -> dict[str, str]:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"type": "Buffer", "data": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} has no form in Baileys' JSON")


def _refused(what: str) -> NoReturn:
    raise ValueError(f"not JSON: {what}")
