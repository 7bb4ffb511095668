"""The policy's numbers and the settings are the same."""

from __future__ import annotations

from datetime import timedelta

from sessions.host.house import rules_from_settings
from sessions.policy.rules import Rules


def test_the_defaults_of_the_policy_are_those_of_the_settings():
    assert rules_from_settings() == Rules()


def test_a_setting_reaches_the_policy(settings):
    settings.WHATSAPP_FLAPS = 2
    settings.WHATSAPP_REFUSED_RETRIES = (timedelta(seconds=3),)
    rules = rules_from_settings()
    assert (rules.flaps, rules.refused_retries) == (2, (timedelta(seconds=3),))
