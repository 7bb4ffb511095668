"""The sandbox's Noise root key, put over WhatsApp's in this process's memory only.

The client checks the server's certificate chain against a 32-byte public key that
stands exactly once in the writable data of neonize 0.5.2's library.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Final

WHATSAPP_ROOT_KEY: Final = bytes.fromhex(
    "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
)


class RootKeyError(Exception):
    """The root key cannot be replaced with certainty."""


def writable_ranges(mappings: Iterable[str]) -> list[tuple[int, int]]:
    """Return (address, length) of the private writable among /proc/self/maps lines."""
    ranges = []
    for line in mappings:
        addresses, permissions = line.split()[:2]
        if permissions.startswith("rw") and permissions.endswith("p"):
            first, _, last = addresses.partition("-")
            ranges.append((int(first, 16), int(last, 16) - int(first, 16)))
    return ranges


def find_all(ranges: Iterable[tuple[int, int]], wanted: bytes) -> list[int]:
    """Return every address within ``ranges`` where ``wanted`` stands.

    Looks at the memory in place: a copy would stay with the process for good.
    """
    memmem = ctypes.CDLL(None).memmem
    memmem.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    memmem.restype = ctypes.c_void_p
    found = []
    for address, length in ranges:
        start, end = address, address + length
        while (place := memmem(start, end - start, wanted, len(wanted))) is not None:
            found.append(place)
            start = place + 1
    return found


def replace_root_key(mappings: Iterable[str], new_key: bytes) -> None:
    """Overwrite the root key; raise RootKeyError unless it stood there exactly once."""
    if len(new_key) != len(WHATSAPP_ROOT_KEY):
        raise RootKeyError("the sandbox's root key is not 32 bytes long")
    ranges = writable_ranges(mappings)
    places = find_all(ranges, WHATSAPP_ROOT_KEY)
    if len(places) != 1:
        raise RootKeyError(f"the root key was found {len(places)} times, not once")
    ctypes.memmove(places[0], new_key, len(new_key))
    if find_all(ranges, WHATSAPP_ROOT_KEY) or find_all(ranges, new_key) != places:
        raise RootKeyError("the root key was not replaced exactly once")
