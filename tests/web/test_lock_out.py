"""Guessing passwords is shut, and says for how long."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.urls import reverse


@pytest.mark.django_db
def test_after_five_wrong_passwords_a_page_says_what_to_do(client):
    wrong = {"username": "somebody", "password": "guess"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post(reverse("admin:login"), wrong)

    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.text
    assert "15 minutes" in answer.text
    assert "guess" not in answer.text
