"""docs/auth-checks.md says what the checks say; else: `make auth-checks`."""

from __future__ import annotations

import re

from config.dotenv import BASE_DIR
from sessions.policy import auth_checks, baileys_checks
from tests.auth.check_page import PAGE, page


def test_the_page_is_up_to_date():
    assert (BASE_DIR / PAGE).read_text() == page(), "run `make auth-checks`"


def test_the_page_has_a_row_for_every_check():
    rows = re.findall(r"^\| `(\w+)` \|", page(), re.M)
    assert rows == [*auth_checks.SEVERITIES, *baileys_checks.SEVERITIES]
    assert "%(" not in page()
