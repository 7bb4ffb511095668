"""What the phone's page says of a request that is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

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


@pytest.mark.parametrize("result", ["", "expired"])
@pytest.mark.parametrize(
    ("kind", "shown"),
    [("send", "no server took it"), ("unlink", "Clear the keys here")],
)
def test_what_expired_says_what_to_do_before_and_after_it_is_closed(
    kind, shown, result
):
    past = timezone.now() - timedelta(seconds=1)
    request = PhoneRequest(kind=kind, result=result, expires_at=past)
    assert outcome(request).startswith("expired: ")
    assert shown in outcome(request)
