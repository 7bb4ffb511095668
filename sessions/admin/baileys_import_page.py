"""What the pages of an upload show: a line per phone, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from phones.addresses import page_of, rows_socket, verb_url
from phones.admin.cells import slot
from phones.admin.story import Story, told
from phones.models import OrganizationPhone, Status
from sessions.admin.baileys_import_words import in_words
from sessions.auth import uploads
from sessions.models import BaileysImport, BaileysImportPhone
from sessions.policy.auth_check_texts import sentence
from sessions.policy.auth_findings import Finding, Severity, Verdict

# A row written so shortly before the upload: the old server may still run.
FRESH = timedelta(minutes=2)
Outcome = BaileysImportPhone.Outcome
VERDICTS = {
    "": ("busy", gettext_lazy("not checked yet")),
    Verdict.HEALTHY: ("good", gettext_lazy("healthy")),
    Verdict.SUSPICIOUS: ("warn", gettext_lazy("suspicious")),
    Verdict.BROKEN: ("bad", gettext_lazy("scan needed")),
}
WORST_FIRST = (Severity.FATAL, Severity.DAMAGE, Severity.NOTICE)


@dataclass(frozen=True)
class Line:
    """One phone of an upload. known: the phone here with its story, if there is one."""

    row: BaileysImportPhone
    known: Story | None

    @property
    def tone(self) -> str:
        return VERDICTS.get(self.row.verdict, VERDICTS[""])[0]

    @property
    def label(self) -> str:
        if self.row.outcome == Outcome.CHOSEN:
            return str(Outcome.CHOSEN.label)
        return str(VERDICTS.get(self.row.verdict, VERDICTS[""])[1])

    @property
    def taken(self) -> Story | None:
        """The phone's story, once it was taken over."""
        same = self.known is not None and self.known.phone.pk == self.row.phone_id
        return self.known if same and self.row.outcome == Outcome.IMPORTED else None

    @property
    def gone(self) -> bool:
        """Taken over, and removed here since."""
        return self.row.outcome == Outcome.IMPORTED and self.taken is None

    @property
    def can_be_taken(self) -> bool:
        return (
            bool(self.row.rows)
            and self.row.outcome == Outcome.WAITING
            and self.row.verdict in (Verdict.HEALTHY, Verdict.SUSPICIOUS)
        )

    @property
    def ticked(self) -> bool:
        return self.row.verdict == Verdict.HEALTHY and not self.row.reason

    @property
    def expired(self) -> bool:
        return not self.row.rows and self.row.outcome in (
            Outcome.WAITING,
            Outcome.CHOSEN,
        )

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """(tone, what a check found), the worst first."""
        findings = sorted(
            (_finding(each) for each in self.row.findings),
            key=lambda finding: WORST_FIRST.index(finding.severity),
        )
        return [
            ("bad" if each.severity == Severity.FATAL else "warn", sentence(each))
            for each in findings
        ]

    @property
    def carried(self) -> list[str]:
        return in_words(self.row.summary.get("carried", {}))

    @property
    def lost(self) -> list[str]:
        return in_words(self.row.summary.get("lost", {}))

    @property
    def missing_lids(self) -> str:
        count = self.row.summary.get("missing_lids", 0)
        if not count:
            return ""
        text = ngettext(
            "The LID of %(count)d contact is missing: its first messages come a second "
            "late.",
            "The LIDs of %(count)d contacts are missing: their first messages come a "
            "second late.",
            count,
        )
        return text % {"count": count}

    @property
    def source(self) -> str:
        return str(self.row.summary.get("source", ""))

    @property
    def newest(self) -> datetime | None:
        return parse_datetime(self.row.summary.get("newest", ""))

    @property
    def fresh(self) -> bool:
        """Written so shortly before the upload that the old server may still run."""
        newest = self.newest
        return newest is not None and self.row.of.created_at - newest < FRESH

    @property
    def status(self) -> SafeString | str:
        return slot(self.taken, "status") if self.taken is not None else ""

    @property
    def meaning(self) -> SafeString | str:
        return slot(self.taken, "cause") if self.taken is not None else ""

    @property
    def page(self) -> str:
        return page_of(self.known.phone) if self.known is not None else ""

    @property
    def link_url(self) -> str:
        """Where this number is linked by a scan; first it is added when it is new."""
        if self.known is not None:
            return verb_url(self.known.phone, "link")
        query = {
            "organization": self.row.of.organization_id,
            "phone_number": self.row.phone_number,
        }
        add = reverse("admin:phones_organizationphone_add")
        return f"{add}?{urlencode(query)}"


def page(upload: BaileysImport) -> dict[str, Any]:
    """Context of phones/baileys_upload.html."""
    lines = _lines(upload, upload.phones.order_by("pk"))
    left = uploads.pending(upload).count()
    expired = upload.expires_at <= timezone.now()
    read = upload.file_size > 0
    choice = read and not expired and not left
    taken = [line.taken.phone for line in lines if line.taken is not None]
    # A socket watches so many and no more: those first that are still on their way.
    taken.sort(key=lambda phone: phone.status == Status.CONNECTED)
    taking = any(line.row.outcome == Outcome.CHOSEN for line in lines)
    total = len(taken) + left if taking else len(lines)
    return {
        "title": _("Take over from Baileys"),
        "upload": upload,
        "lines": lines,
        "left": left,
        "total": total,
        "done": total - left,
        "taking": taking,
        "choice": choice and any(line.can_be_taken for line in lines),
        "read": read,
        "expired": expired,
        "several_sources": len({line.source for line in lines}) > 1,
        "counts": _counts(lines),
        "socket": rows_socket(phone.pk for phone in taken) if taken else "",
    }


def choices_page(
    upload: BaileysImport, chosen: list[BaileysImportPhone]
) -> dict[str, Any]:
    """Context of phones/baileys_confirm.html."""
    lines = _lines(upload, chosen)
    return {
        "title": _("Take over from Baileys"),
        "upload": upload,
        "lines": lines,
        "fresh": [line for line in lines if line.fresh],
        "newest": max((line.newest for line in lines if line.newest), default=None),
    }


def _lines(upload: BaileysImport, rows: Iterable[BaileysImportPhone]) -> list[Line]:
    listed = list(rows)
    here = told(
        OrganizationPhone.objects.filter(organization_id=upload.organization_id)
    )
    wanted = Q(phone_number__in=[row.phone_number for row in listed])
    adopted = Q(pk__in=[row.phone_id for row in listed if row.phone_id])
    stories = [Story.of(phone) for phone in here.filter(wanted | adopted)]
    by_number = {story.phone.phone_number: story for story in stories}
    by_id = {story.phone.pk: story for story in stories}
    for row in listed:
        row.of = upload
    return [
        Line(row, by_id.get(row.phone_id or 0) or by_number.get(row.phone_number))
        for row in listed
    ]


def _counts(lines: list[Line]) -> list[tuple[str, str]]:
    """(tone, how many of this kind) for the head of the page."""
    taken = sum(line.row.outcome == Outcome.IMPORTED for line in lines)
    ready = sum(line.can_be_taken for line in lines)
    refused = sum(line.row.outcome == Outcome.REFUSED for line in lines)
    texts = (
        (
            "good",
            taken,
            ngettext("%(n)d phone taken over", "%(n)d phones taken over", taken),
        ),
        (
            "plain",
            ready,
            ngettext("%(n)d can be taken over", "%(n)d can be taken over", ready),
        ),
        ("bad", refused, ngettext("%(n)d needs a scan", "%(n)d need a scan", refused)),
    )
    return [(tone, text % {"n": count}) for tone, count, text in texts if count]


def _finding(stored: dict[str, Any]) -> Finding:
    return Finding(stored["check"], Severity(stored["severity"]), stored["values"])
