"""The numbers of the policy; sessions.host.house fills them from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_second = timedelta(seconds=1)
_minute = timedelta(minutes=1)
_hour = timedelta(hours=1)
_day = timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """Each field is the setting WHATSAPP_<NAME>, described in docs/settings.md."""

    first_delay: timedelta = _second
    max_delay: timedelta = 60 * _second
    max_attempts: int = 10
    slow_lane: timedelta = 30 * _minute
    slow_lane_holds: bool = False
    ride: timedelta = 20 * _second
    ride_overloaded: timedelta = 10 * _minute
    overloaded_retry: timedelta = 15 * _minute

    flaps: int = 6
    flap_window: timedelta = _hour
    flap_pause: timedelta = 30 * _minute
    replaced_retry: timedelta = _minute
    replaced_window: timedelta = 15 * _minute
    ban_margin: timedelta = 5 * _minute
    ban_without_date: timedelta = _day
    outdated_retry: timedelta = 30 * _minute
    link_shut: timedelta = 30 * _minute
    just_paired: timedelta = 2 * _minute
    refused_retries: tuple[timedelta, ...] = (
        _minute,
        5 * _minute,
        15 * _minute,
        _hour,
    )
    repeat_window: timedelta = 10 * _minute
    crash_limit: int = 5
    stream_error_limit: int = 3
    slow_answers: int = 3
    slow_answers_window: timedelta = 5 * _minute

    primary_warning: timedelta = 10 * _day
    primary_alarm: timedelta = 12 * _day
    stopped_warning: timedelta = 25 * _day
    timelock: timedelta = _day
    send_pause: timedelta = 15 * _minute
    undecryptable_share: float = 0.2
    undecryptable_messages: int = 10
    undecryptable_window: timedelta = 10 * _minute


DEFAULT_RULES = Rules()
