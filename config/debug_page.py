"""What Django's debug page must not show (DEBUG only)."""

from __future__ import annotations

import re

from django.views.debug import SafeExceptionReporterFilter


class DiscreetReporter(SafeExceptionReporterFilter):
    """The URL alerts go to holds a password, or is one."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|ALERT_URL", re.I
    )
