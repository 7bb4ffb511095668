"""The report of a phone's auth records: what the last check of them said."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from phones.live import publish
from phones.models import Change, OrganizationPhone
from sessions.auth import central_copy
from sessions.auth.checks import Examined, examine
from sessions.auth.errors import BrokenStore
from sessions.auth.store_file import StoreFile
from sessions.models import AuthReport, BaileysAuth, PhoneLease, SessionFacts
from sessions.policy.auth_checks import fatal, found, worst_first
from sessions.policy.auth_findings import Finding, Severity, verdict_of

if TYPE_CHECKING:
    from datetime import datetime

    from sessions.auth.rows import Row

logger = logging.getLogger(__name__)

# What rows that nobody can read make look wrong.
OF_GAPS = ("w02", "w06", "w30", "w31", "w32", "w34")


def check_phone(phone: OrganizationPhone) -> AuthReport:
    """Check the central copy, and write the report. Any process may do it."""
    rows, unreadable = BaileysAuth.objects.of(phone), list[Finding]()
    examined = examine(
        _readable(central_copy.readable(rows), unreadable),
        number=phone.auth_key,
        seen_prekey=_seen_prekey(phone),
        now=_now(),
    )
    # With one of AUTH_KEYS missing, all rows fail alike: the first stands for them.
    once = {finding.check: finding for finding in reversed(unreadable)}
    rest = [one for one in examined.findings if not once or one.check not in OF_GAPS]
    findings = worst_first([*once.values(), *rest])
    lease = PhoneLease.objects.filter(pk=phone.pk).first()
    sequence = lease.auth_sequence if lease is not None else 0
    return _save(phone, examined, findings, sequence=sequence)


def check_store(
    phone: OrganizationPhone, store: StoreFile, host_name: str
) -> AuthReport:
    """Check the live file, which a session may be writing; only reads it.

    Raises StoreUnavailable.
    """
    examined = store.examine(
        phone.auth_key, seen_prekey=_seen_prekey(phone), now=_now()
    )
    findings = [*examined.findings, *leftover_journal(store.path)]
    is_empty = not findings and "creds" not in examined.counts
    if is_empty and SessionFacts.objects.filter(pk=phone.pk, linked=True).exists():
        findings.append(found("w06"))
    sequence = 0 if fatal(findings) else store.sequence()
    return _save(
        phone, examined, worst_first(findings), host_name=host_name, sequence=sequence
    )


def check_resting(phone: OrganizationPhone, path: Path, host_name: str) -> AuthReport:
    """What the next start on this host would use: the file at `path`, or the copy.

    No session runs. Raises StoreUnavailable or WrongRealm.
    """
    if path.exists():
        with closing(StoreFile(path)) as store:
            copied = BaileysAuth.objects.of(phone).exists()
            if not copied or _is_newest(store, phone):
                return check_store(phone, store, host_name)
    return check_phone(phone)


def note_refusal(phone: OrganizationPhone, finding: Finding, host_name: str) -> None:
    """A start was refused for this; the report says so until the next check."""
    _save(phone, Examined([finding], {}, 0), [finding], host_name=host_name, sequence=0)


def leftover_journal(path: Path) -> Iterator[Finding]:
    """A store file is in WAL mode, so the library leaves no rollback journal."""
    try:
        if path.with_name(path.name + "-journal").stat().st_size:
            yield found("w33")
    except FileNotFoundError:
        return


def as_json(findings: list[Finding]) -> list[dict[str, object]]:
    """As AuthReport.findings has them."""
    return [
        {"check": one.check, "severity": str(one.severity), "values": dict(one.values)}
        for one in findings
    ]


def findings_of(report: AuthReport) -> list[Finding]:
    """The reverse."""
    return [
        Finding(one["check"], Severity(one["severity"]), one["values"])
        for one in report.findings
    ]


def _readable(
    reads: Iterator[tuple[str, Row] | Finding], unreadable: list[Finding]
) -> Iterator[tuple[str, Row]]:
    for read in reads:
        if isinstance(read, Finding):
            unreadable.append(read)
        else:
            yield read


def _is_newest(store: StoreFile, phone: OrganizationPhone) -> bool:
    """Sound, and not of an earlier epoch: a start takes it, else the copy."""
    lease = PhoneLease.objects.filter(pk=phone.pk).first()
    try:
        found_in = store.verify(phone, settings.WHATSAPP_REALM)
    except BrokenStore as broken:
        logger.warning(
            "store file broken, checking the copy phone=%s check=%s",
            phone.masked,
            broken.finding.check,
        )
        return False
    return lease is None or (
        found_in.device_jid is not None
        and found_in.meta.epoch >= lease.auth_epoch
        and found_in.sequence >= lease.auth_sequence
    )


def _seen_prekey(phone: OrganizationPhone) -> int:
    seen = AuthReport.objects.filter(pk=phone.pk).values_list("highest_prekey")
    return next((highest for (highest,) in seen), 0)


def _now() -> datetime | None:
    """The sandbox has no app state, so none is missed there."""
    return None if settings.SANDBOX else timezone.now()


def _save(
    phone: OrganizationPhone,
    examined: Examined,
    findings: list[Finding],
    *,
    host_name: str = "",
    sequence: int,
) -> AuthReport:
    is_empty = not findings and "creds" not in examined.counts
    verdict = AuthReport.Verdict.EMPTY if is_empty else verdict_of(findings)
    report, _ = AuthReport.objects.update_or_create(
        phone=phone,
        defaults={
            "verdict": str(verdict),
            "findings": as_json(findings),
            "counts": examined.counts,
            "checked_at": timezone.now(),
            "host_name": host_name,
            "auth_sequence": sequence,
            "highest_prekey": max(_seen_prekey(phone), examined.highest_prekey),
        },
    )
    publish(Change.Kind.FACT, phone.pk)
    logger.info(
        "auth records checked phone=%s verdict=%s checks=%s",
        phone.masked,
        report.verdict,
        ",".join(finding.check for finding in findings) or "-",
    )
    return report
