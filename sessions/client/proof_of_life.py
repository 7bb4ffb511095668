"""Proof of life: how long ago the session's own socket received bytes from WhatsApp.

whatsmeow pings every 20 to 30 s, so answered keepalives keep the age below 40 s. The
kernel knows it without any traffic of ours, and no open socket can pretend it.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

TCP_ESTABLISHED = 1
# struct tcp_info in linux/tcp.h: state is its first byte, last_data_recv comes after
# eight bytes and eleven 32-bit words.
LAST_DATA_RECV_OFFSET = 52
TCP_INFO_BYTES = 104


@dataclass(frozen=True)
class TcpSocket:
    inode: int
    recv_age_ms: int


def established_sockets() -> list[TcpSocket]:
    """Return this process's connected TCP sockets, also those Python does not know."""
    found = (_inspect(int(name)) for name in os.listdir("/proc/self/fd"))
    return [entry for entry in found if entry is not None]


def _inspect(fd: int) -> TcpSocket | None:
    try:
        if not os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
            return None
        # Go may close the number at any moment; the duplicate stays the same socket.
        with socket.socket(fileno=os.dup(fd)) as duplicate:
            if duplicate.family not in (socket.AF_INET, socket.AF_INET6):
                return None
            duplicate.getpeername()
            info = duplicate.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES
            )
            inode = os.fstat(duplicate.fileno()).st_ino
    except OSError:
        return None
    if info[0] != TCP_ESTABLISHED:
        return None
    return TcpSocket(inode, struct.unpack_from("=I", info, LAST_DATA_RECV_OFFSET)[0])


class ProofOfLife:
    """Remembers which socket is WhatsApp's: the freshest at the moment of Connected."""

    def __init__(self) -> None:
        self._inode: int | None = None

    def choose(self) -> None:
        freshest = min(
            established_sockets(), key=lambda entry: entry.recv_age_ms, default=None
        )
        self._inode = None if freshest is None else freshest.inode

    def recv_age_ms(self) -> int | None:
        """Return the age of the last byte in milliseconds, None if not connected."""
        for entry in established_sockets():
            if entry.inode == self._inode:
                return entry.recv_age_ms
        return None
