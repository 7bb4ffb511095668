"""Imported by the forkserver alone: what every session process shares by fork.

Importing it does the work, because ``set_forkserver_preload`` offers nothing else.
"""

from __future__ import annotations

from .linux_process import die_with_parent

die_with_parent()

# What multiprocessing and the session import in every child otherwise.
import gc  # noqa: E402
import logging  # noqa: E402
import multiprocessing.connection  # noqa: E402
import multiprocessing.popen_forkserver  # noqa: E402
import multiprocessing.resource_sharer  # noqa: E402, F401
import subprocess  # noqa: E402
from contextlib import suppress  # noqa: E402

from . import forkserver, process  # noqa: E402, F401
from .neonize_library import import_deferred  # noqa: E402
from .rehearsal import rehearse  # noqa: E402

logger = logging.getLogger(__name__)

SHELL_SECONDS = 5.0


def _finish_shells() -> None:
    """neonize asks a shell for `uname` and leaves it, and its pipe, to be collected."""
    active: list[subprocess.Popen[bytes]] = getattr(subprocess, "_active", None) or []
    for shell in active:
        with suppress(subprocess.TimeoutExpired):
            shell.wait(SHELL_SECONDS)
    active.clear()


if import_deferred():
    try:
        rehearse()
    except Exception:
        # It saves memory, nothing else: a forkserver without it does the same.
        logger.exception("rehearsal failed")
_finish_shells()
# Frozen objects are never looked at by a child's collector, which would copy them.
gc.collect()
gc.freeze()
