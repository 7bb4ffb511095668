"""The library's log: masked, cut, and the telling lines handed to the host.

Several causes of a loss exist nowhere else: a failed reconnect after 515, codes 500 and
503, bans and refusals with a code neonize cannot encode.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any

MAX_LINE_CHARACTERS = 500
# Begins what one process wrote to the phone's stderr file, which outlives it.
START_MARK = "--- session process started"
TELLING_INFO = (
    "Got 515 code",
    "Successfully authenticated",
    "Failed to reconnect",
)

_QR_TEXT = re.compile(r"https://wa\.me/settings/linked_devices#\S+")
_QR_REF = re.compile(r"\b\d@[A-Za-z0-9+/=_,-]{8,}")
# Long runs of base64 or hex: keys, references, digests. Plain words are shorter.
_OPAQUE = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}")
_DIGITS = re.compile(r"\d{7,}")
# A refusal that neonize cannot encode is told by the log alone, as whatsmeow's XML.
_FAILURE = re.compile(r"<failure\b([^<>]*)>")
_NUMBER = re.compile(r"""\b(code|expire|reason)=["']?(\d{1,9})(?=["'\s/]|$)""")
_WORD = re.compile(r"[a-z_/-]+|[A-Z][a-z]+(?:[A-Z][a-z]+)*")
_hidden: list[str] = []


def hide(*secrets: str) -> None:
    """Never write these words again in this process; the longest are hidden first."""
    _hidden.extend(secret for secret in secrets if secret)
    _hidden.sort(key=len, reverse=True)


def mask_digits(digits: str) -> str:
    return f"{digits[:2]}***{digits[-2:]}"


def mask_line(text: str) -> str:
    """Hide phone numbers, keys, QR texts and `hide`; cut to 500 characters."""
    text = text[: 20 * MAX_LINE_CHARACTERS]
    for secret in _hidden:
        text = text.replace(secret, "…")
    text = _QR_TEXT.sub("…", text)
    text = _QR_REF.sub("…", text)
    text = _OPAQUE.sub(_hide_opaque, text)
    text = _DIGITS.sub(lambda match: mask_digits(match[0]), text)
    return text[:MAX_LINE_CHARACTERS]


def _hide_opaque(match: re.Match[str]) -> str:
    run = match[0]
    if run.isdigit():
        return mask_digits(run)
    return run if _WORD.fullmatch(run) else "…"


def failure_numbers(text: str) -> dict[str, int]:
    """Numbers of a refused login in a log line: ``reason``, and a ban's code, expire.

    Read before the line is masked: a long ban has as many digits as a phone number.
    """
    found = _FAILURE.search(text[: 20 * MAX_LINE_CHARACTERS])
    if found is None:
        return {}
    return {name: int(number) for name, number in _NUMBER.findall(found[1])}


def is_telling(record: logging.LogRecord) -> bool:
    """Tell whether the host must see this record."""
    if record.levelno >= logging.WARNING:
        return True
    return record.levelno == logging.INFO and any(
        words in str(record.msg) for words in TELLING_INFO
    )


class MaskingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Masked after formatting, so that exceptions are covered too; one line each.
        lines = super().format(record).splitlines()
        return "\n".join(mask_line(line) for line in lines)


class LogTap(logging.Handler):
    """Gives telling records to ``emit_line``; in debug mode every record."""

    def __init__(self, emit_line: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._emit_line = emit_line
        self.everything = False

    def emit(self, record: logging.LogRecord) -> None:
        if not (self.everything or is_telling(record)):
            return
        try:
            text = record.getMessage()
            line = mask_line(text)
            failure = failure_numbers(text)
        except Exception:
            self.handleError(record)
            return
        self._emit_line(
            {
                "event": "log",
                "level": record.levelname,
                "logger": record.name,
                "line": line,
                **({"failure": failure} if failure else {}),
            }
        )


def install(tap: LogTap, *, debug: bool) -> None:
    """Replace every handler of the root logger by the tap and a masked stderr."""
    # A handler that fails would print the record, unmasked.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = []
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(
        MaskingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    if not debug:
        stderr.addFilter(is_telling)
    root.addHandler(tap)
    root.addHandler(stderr)
    set_debug(tap, on=debug)


def set_debug(tap: LogTap, *, on: bool) -> None:
    """Hand on every record. Go's own DEBUG lines need debug at birth."""
    tap.everything = on
    logging.getLogger().setLevel(logging.DEBUG if on else logging.INFO)
