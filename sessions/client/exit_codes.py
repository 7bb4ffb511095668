"""How a session process ends by itself; the host reads these from ``exitcode``."""

from __future__ import annotations

from typing import Final

STOPPED: Final = 0
CRASHED: Final = 1
REFUSED: Final = 3
CONNECT_RAISED: Final = 4
HOST_GONE: Final = 5
