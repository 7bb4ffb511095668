"""The few protobuf fields that stand in auth records: numbers, one by one or packed."""

from __future__ import annotations

from collections.abc import Iterable

from sessions.baileys.fields import Malformed

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_VARINT = 10  # bytes


def varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def write_number(field: int, value: int) -> bytes:
    return varint(field << 3 | VARINT) + varint(value)


def write_packed(field: int, values: Iterable[int]) -> bytes:
    """A packed repeated field; nothing at all when there is no value."""
    content = b"".join(varint(value) for value in values)
    return (
        varint(field << 3 | BYTES) + varint(len(content)) + content if content else b""
    )


def read_message(content: bytes) -> list[tuple[int, int | bytes]]:
    """(field, value) in order; raises Malformed for what is no message."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(content):
        tag, at = read_varint(content, at)
        value: int | bytes
        if tag & 7 == VARINT:
            value, at = read_varint(content, at)
        else:
            size = {FIXED64: 8, FIXED32: 4}.get(tag & 7)
            if size is None:
                if tag & 7 != BYTES:
                    raise Malformed("no protobuf message")
                size, at = read_varint(content, at)
            value, at = content[at : at + size], at + size
            if at > len(content):
                raise Malformed("a protobuf message ends too early")
        found.append((tag >> 3, value))
    return found


def read_varint(content: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends)."""
    value = 0
    for place, byte in enumerate(content[at : at + MAX_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise Malformed("a protobuf number ends too early")


def read_packed(content: bytes) -> list[int]:
    values, at = [], 0
    while at < len(content):
        value, at = read_varint(content, at)
        values.append(value)
    return values
