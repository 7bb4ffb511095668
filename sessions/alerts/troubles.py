"""What somebody must be told, given what is seen: pure functions, no rows, no clock."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from phones.models import Status
from sessions.models.alert import Alert
from sessions.policy.causes import BAN_CAUSES, CAUSES

Kind = Alert.Kind
Key = tuple[str, str]  # kind and subject: one alert of these is open

UP = frozenset({Status.CONNECTED, Status.UNPROVEN})
# On the way up, by themselves.
TRYING = frozenset({Status.CONNECTING, Status.DISCONNECTED, Status.WAITING, *UP})
# A person did it and knows.
BY_PERSON = frozenset({"l1", "cleared_by_person", "keys_cleared", "held_by_person"})
# The keys are gone for these; a pairing that failed later shows a cause of its own.
KEYS_GONE = frozenset(
    cause.id
    for cause in CAUSES.values()
    if cause.credentials == "dead" or cause.action == "relink"
)


@dataclass(frozen=True)
class Trouble:
    """One thing to be told.

    incident_id: the incident that tells of it; the trouble itself is then only shown.
    """

    kind: str
    subject: str
    since: datetime
    cause: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    organization_id: int | None = None
    phone_id: int | None = None
    host_id: uuid.UUID | None = None
    incident_id: int | None = None

    @property
    def key(self) -> Key:
        return self.kind, self.subject


@dataclass(frozen=True)
class PhoneSeen:
    """A phone as the database has it.

    wanted: a person wants it to run. served: a living host has it. down_since: when
    it was connected last, or began to be wanted; None while it is up.
    waits_for: the active incident that it waits for. told_by: the active incident, if
    any, of whose kind its cause is.
    """

    phone_id: int
    organization_id: int
    status: str
    cause: str
    values: Mapping[str, Any]
    rule: str
    since: datetime
    wanted: bool
    linked: bool
    served: bool
    down_since: datetime | None = None
    any_host: bool = True
    waits_for: int | None = None
    told_by: int | None = None
    warnings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"phone:{self.phone_id}"

    @property
    def up(self) -> bool:
        return self.served and self.status in UP


def phone_troubles(
    phone: PhoneSeen, open_keys: Collection[Key], *, now: datetime, patience: timedelta
) -> list[Trouble]:
    """What must be told of one phone.

    open_keys: of the alerts that are open. What is open ends only when the phone is
    well, or a person took it out of service; a phone on its way up is not well yet.
    patience: a phone that is down for less is not told of.
    """
    found = list(_warnings(phone))
    if not phone.wanted:
        return found
    opened = {kind for kind, subject in open_keys if subject == phone.subject}
    told = [
        _trouble(phone, kind)
        for kind, holds in (
            (Kind.HELD, _held(phone)),
            (Kind.LOGGED_OUT, _logged_out(phone, opened)),
            (Kind.BANNED, _banned(phone, opened)),
            (Kind.SLOW_LANE, _slow_lane(phone, opened)),
        )
        if holds
    ]
    if _down(phone, opened, known=bool(told), now=now, patience=patience):
        told.append(_trouble(phone, Kind.DOWN))
    return found + told


def _held(phone: PhoneSeen) -> bool:
    return phone.status == Status.HELD and phone.cause not in BY_PERSON


def _logged_out(phone: PhoneSeen, opened: Collection[str]) -> bool:
    """From the loss of the keys to the next link, whatever a scan in between did."""
    if phone.status == Status.LOGGED_OUT and phone.cause in KEYS_GONE:
        return phone.cause not in BY_PERSON
    still = phone.status in (Status.LOGGED_OUT, Status.PAIRING)
    return Kind.LOGGED_OUT in opened and still and not phone.linked


def _banned(phone: PhoneSeen, opened: Collection[str]) -> bool:
    if phone.status == Status.WAITING and phone.cause in BAN_CAUSES:
        return True
    return Kind.BANNED in opened and phone.status in TRYING and not phone.up


def _slow_lane(phone: PhoneSeen, opened: Collection[str]) -> bool:
    if phone.status == Status.WAITING and phone.rule == "slow_lane":
        return True
    return Kind.SLOW_LANE in opened and phone.status in TRYING and not phone.up


def _down(
    phone: PhoneSeen,
    opened: Collection[str],
    *,
    known: bool,
    now: datetime,
    patience: timedelta,
) -> bool:
    if phone.up or phone.status == Status.NEW:
        return False
    if Kind.DOWN in opened:
        return True
    if known or phone.waits_for is not None or not phone.linked:
        return False
    return phone.down_since is not None and now - phone.down_since >= patience


def _trouble(phone: PhoneSeen, kind: str) -> Trouble:
    down = kind == Kind.DOWN
    cause, values = phone.cause, dict(phone.values)
    if down and not phone.served and phone.status not in (Status.HELD, Status.WAITING):
        cause, values = ("no_host" if not phone.any_host else ""), {"unserved": True}
    return Trouble(
        kind=kind,
        subject=phone.subject,
        since=(phone.down_since if down else None) or phone.since,
        cause=cause,
        values=values,
        organization_id=phone.organization_id,
        phone_id=phone.phone_id,
        incident_id=None if down else phone.told_by,
    )


def _warnings(phone: PhoneSeen) -> Iterator[Trouble]:
    """One per warning; an alarm is told beside the warning that it grew from."""
    for cause, values in phone.warnings.items():
        subjects = [f"{phone.subject}:{cause}"]
        if values.get("level") == "alarm":
            subjects.append(f"{subjects[0]}:alarm")
        for subject in subjects:
            yield Trouble(
                kind=Kind.WARNING,
                subject=subject,
                since=_moment(values.get("since")) or phone.since,
                cause=cause,
                values=dict(values),
                organization_id=phone.organization_id,
                phone_id=phone.phone_id,
            )


def _moment(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None


@dataclass(frozen=True)
class Comparison:
    """What to raise, what to change, what to end."""

    new: list[Trouble]
    changed: list[tuple[int, Trouble]]
    over: list[int]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.over)


def compare(
    troubles: Collection[Trouble], open_alerts: Mapping[Key, tuple[int, str, Any]]
) -> Comparison:
    """open_alerts: {key: (id, cause, values)} of those that are not over."""
    wanted = {trouble.key: trouble for trouble in troubles}
    return Comparison(
        new=[trouble for key, trouble in wanted.items() if key not in open_alerts],
        changed=[
            (alert_id, wanted[key])
            for key, (alert_id, cause, values) in open_alerts.items()
            if key in wanted
            and (cause, values) != (wanted[key].cause, dict(wanted[key].values))
        ],
        over=[
            alert_id for key, (alert_id, *_) in open_alerts.items() if key not in wanted
        ],
    )
