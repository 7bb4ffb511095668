"""Why a session process ended, by its exit code."""

from __future__ import annotations

import re
import signal
from datetime import timedelta

from sessions.client.exit_codes import CONNECT_RAISED, REFUSED
from sessions.policy.finding import Context, Finding, finding

TOLD_BEFORE = timedelta(seconds=30)
_GO_CRASH = re.compile(
    r"^(fatal error: .*|panic: .*|SIG[A-Z]+: .*|unexpected fault address.*"
    r"|runtime: out of memory.*|Fatal Python error: .*)$",
    re.MULTILINE,
)


def classify_exit(exitcode: int, context: Context, stderr: str = "") -> Finding | None:
    """The finding for a process that ended without being asked to.

    exitcode: as multiprocessing gives it, minus the signal's number when killed.
    stderr: the end of the process's stderr file, for the first line of a Go crash.
    None when the process has told the reason before (refused, connect_raised).
    """
    if exitcode == -signal.SIGALRM:
        # The kernel ends it when its lease was not renewed in time.
        return finding("lease_lost", _line(exitcode), context, message="not renewed")
    if exitcode in (REFUSED, CONNECT_RAISED) and _told_before(context):
        return None
    return finding(
        "l2",
        _line(exitcode),
        context,
        code=exitcode if exitcode >= 0 else 128 - exitcode,
        message=crash_line(stderr) or _how(exitcode),
    )


def crash_line(stderr: str) -> str:
    """The first line of a crash of the Go core or of Python, "" if there is none."""
    match = _GO_CRASH.search(stderr)
    return match[1].strip() if match else ""


def _told_before(context: Context) -> bool:
    before = context.previous
    return before is not None and context.now - before.at <= TOLD_BEFORE


def _line(exitcode: int) -> dict[str, object]:
    return {"event": "exit", "exitcode": exitcode}


def _how(exitcode: int) -> str:
    if exitcode >= 0:
        return f"process exited with {exitcode}"
    try:
        return f"process ended by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"process ended by signal {-exitcode}"
