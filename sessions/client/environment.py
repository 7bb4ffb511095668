"""What of the host's environment reaches session processes: an allow list, no secrets.

It must be there when the forkserver is exec'ed: Go reads that block, not Python's
changes to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ALLOWED: Final = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "TZ",
        "HTTPS_PROXY",
        "NO_PROXY",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "PYTHONPATH",
        "LD_LIBRARY_PATH",
    }
)
ALLOWED_PREFIXES: Final = ("LC_", "NEONIZE_", "GO", "MALLOC_")
# GOOGLE_APPLICATION_CREDENTIALS and its like begin with GO too.
REFUSED_PREFIXES: Final = ("GOOGLE",)
# Measured on neonize 0.5.2: one Go processor saves 1 MiB per session, GOGC=30 another
# 2 to 3 under traffic; without NEONIZE_BOT_TAG every message is marked as a bot's.
DEFAULTS: Final = {"GOMAXPROCS": "1", "GOGC": "30", "NEONIZE_BOT_TAG": "off"}


def session_environment(
    environment: Mapping[str, str], extra: Mapping[str, str]
) -> dict[str, str]:
    """Return what passes from ``environment``, the defaults, and all of ``extra``."""
    passed = {
        name: value
        for name, value in environment.items()
        if name in ALLOWED
        or (name.startswith(ALLOWED_PREFIXES) and not name.startswith(REFUSED_PREFIXES))
    }
    return {**DEFAULTS, **passed, **extra}
