"""A phone's own proxy: the only way out of its session process.

neonize's own parameter fails closed: measured on 0.5.2, a proxy that is down, unknown,
refuses or is no URL ends connect() with an error, and websocket and media use it alike.
But a SOCKS proxy is laid under the site's HTTPS_PROXY, not in its place: it is asked
for the site's proxy instead of WhatsApp. So the site's proxies are erased from the
environment that Go will read, in this process alone.
"""

from __future__ import annotations

import base64
import ctypes
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from . import log_lines
from .linux_process import exec_environment
from .realm_guard import Refused
from .wire import SessionSettings

SITE_NAMES: Final = frozenset(
    name
    for upper in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (upper, upper.lower())
)
# A shorter one would hide half of each log line; within the URL it is hidden too.
SHORTEST_SECRET = 4


def prepare(settings: SessionSettings) -> None:
    """Before the library is loaded; does nothing for a phone without a proxy.

    Raise Refused if the environment still names a proxy of the site.
    """
    if settings.proxy is None:
        return
    log_lines.hide(*secrets_of(settings.proxy))
    erase_from_environment(SITE_NAMES)
    left = SITE_NAMES & exec_environment().keys()
    if left:
        raise Refused(f"{', '.join(sorted(left))} of the site cannot be left out.")


def secrets_of(url: str) -> list[str]:
    """What of a proxy's URL is never logged, in every form that libraries write."""
    # By hand: it must not fail on what is no URL, because errors repeat that.
    userinfo = url.rpartition("://")[2].rpartition("@")[0]
    if not userinfo:
        return []
    user, _, password = userinfo.partition(":")
    plain = f"{unquote(user)}:{unquote(password)}"
    secrets = [url, f"{userinfo}@", f"{plain}@"]
    secrets.append(base64.b64encode(plain.encode()).decode())
    if len(password) >= SHORTEST_SECRET:
        secrets += [password, unquote(password)]
    return list(dict.fromkeys(secrets))


def erase_from_environment(names: frozenset[str]) -> None:
    """Overwrite these variables in the block this process was exec'ed with.

    Go reads that block when its library is loaded, and no change that Python makes.
    """
    start, end = _environment_range()
    at = start
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        name = entry.partition(b"=")[0].decode("utf-8", "replace")
        if name in names:
            ctypes.memset(at, 0, len(entry))
        at += len(entry) + 1


def _environment_range() -> tuple[int, int]:
    """Fields 50 and 51 of /proc/self/stat: where the block begins and ends."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()
    return int(fields[47]), int(fields[48])
