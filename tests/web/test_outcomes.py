"""What the phone's page says of a request that is over."""

from __future__ import annotations

import pytest

from phones.admin.fragments import outcome
from sessions.models import PhoneRequest


@pytest.mark.parametrize(
    ("result", "answer", "shown"),
    [
        ("done", {}, "done"),
        ("done", {"note": "WhatsApp was not told."}, "done: WhatsApp was not told."),
        ("failed", {"error": "No."}, "failed: No."),
    ],
)
def test_a_note_is_shown_as_an_error_is(result, answer, shown):
    assert outcome(PhoneRequest(result=result, answer=answer)) == shown
