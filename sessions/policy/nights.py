"""When what is done once a night was last due."""

from __future__ import annotations

from datetime import datetime, timedelta


def latest_night(now: datetime, hour: int) -> datetime:
    """The last moment at which it was `hour` o'clock; `now` is local and aware."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
