"""Why neonize's connect() raised: the only trace of it is the text of the error."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sessions.policy.finding import Context, Finding, Line, finding

BANS = {101: "b1", 102: "b2", 103: "b3", 104: "b4", 106: "b5"}
LOG_AGE = timedelta(seconds=60)

# neonize cannot encode a code outside its enum; what stands between "proto:" and
# "required field" is sometimes a non-breaking space, so the match begins after it.
_NOT_ENCODED = re.compile(r"required field\s+\S*?(TemporaryBan\.Code|ConnectFailure\.)")
_STORE = re.compile(
    r"foreign keys|database is locked|database or disk|disk I/O|no space left"
    r"|malformed|not a database|readonly database|no such table|sqlite"
    r"|failed to upgrade|unable to open database",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"dial|handshake|websocket|web\.whatsapp\.com|\bEOF\b|connection re|proxyconnect",
    re.IGNORECASE,
)
# In this order: a proxy's trouble names the proxy's own DNS or refusal inside.
_DETAILS = (
    (
        "proxy",
        r"proxyconnect|socks|proxy authentication"
        r'|whatsapp\.com[^:]*": (bad gateway|forbidden|service unavailable)',
    ),
    ("dns", r"no such host|server misbehaving|name resolution|\blookup\b"),
    ("tls", r"x509|\btls: |certificate|TLS handshake"),
    ("refused", r"connection refused|reset by peer|status code 101 but got"),
    ("timeout", r"timeout|timed out|deadline exceeded"),
)


def classify_connect_error(line: Line, context: Context) -> Finding:
    """The finding for `connect_raised`; every text has one."""
    text = str(line.get("text", ""))
    if match := _NOT_ENCODED.search(text):
        if match[1].startswith("TemporaryBan"):
            return _unknown_ban(line, context)
        return _unknown_refusal(line, context)
    if _STORE.search(text):
        return finding("l3", line, context, message=text)
    if _NETWORK.search(text):
        detail = network_word(text)
        if context.proxy and detail != "tls":
            detail = "proxy"  # there is no other way out
        proxy = context.proxy or None
        return finding("n3", line, context, message=text, detail=detail, proxy=proxy)
    # A raise that no rule knows: the process is of no use, and the attempt counts.
    return finding("l2", line, context, message=text)


def network_word(text: str) -> str:
    """Key of NETWORK_WORDS for the text of a dial or handshake error."""
    for word, pattern in _DETAILS:
        if re.search(pattern, text, re.IGNORECASE):
            return word
    return "other"


def ban(line: Line, context: Context, ban_code: int | None, expire: int) -> Finding:
    """A temporary ban of `expire` seconds; 0 means WhatsApp named no end."""
    lasts = timedelta(seconds=expire) if expire else context.rules.ban_without_date
    ends = context.now + lasts
    values: dict[str, Any] = {"time": ends.isoformat(timespec="seconds")}
    if ban_code is not None:
        values["ban_code"] = ban_code
    return finding(
        BANS.get(ban_code or 0, "b6"),
        line,
        context,
        message=f"temporary ban {ban_code or 'without a code'}, {expire} s",
        **values,
    )


def _unknown_ban(line: Line, context: Context) -> Finding:
    logged = context.logged("Temporary ban connect failure", LOG_AGE) or {}
    return ban(line, context, _number(logged, "code"), _number(logged, "expire") or 0)


def _unknown_refusal(line: Line, context: Context) -> Finding:
    logged = context.logged("nknown connect failure", LOG_AGE) or {}
    code = _number(logged, "reason")
    return finding(
        "f2", line, context, code=code, message=f"connect failure {code or 'unknown'}"
    )


def _number(logged: Line, name: str) -> int | None:
    """The session read it before the line was masked; else what is left of it."""
    value = logged.get("failure", {}).get(name)
    if isinstance(value, int):
        return value
    return _attribute(str(logged.get("line", "")), name)


def _attribute(node: str, name: str) -> int | None:
    """A number of 7 digits or more may be masked: then the least that it can be."""
    value = rf"""\b{name}=["']?(\d{{1,9}})(?:\*\*\*(\d\d))?(?=["'\s/>]|$)"""
    match = re.search(value, node)
    if match is None:
        return None
    first, last = match.groups()
    return int(first if last is None else f"{first}000{last}")
