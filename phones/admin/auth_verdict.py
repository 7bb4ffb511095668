"""What the last check of a phone's auth records means, in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from phones.models import OrganizationPhone
from sessions.models import AuthReport, BaileysAuth, PhoneRequest
from sessions.policy.auth_check_texts import ADVICE, sentence
from sessions.policy.auth_findings import Finding, Severity

Verdict = AuthReport.Verdict
TONES = {
    Verdict.HEALTHY: "good",
    Verdict.SUSPICIOUS: "warn",
    Verdict.BROKEN: "bad",
    Verdict.EMPTY: "plain",
}
SEVERITY_TONES = {
    Severity.FATAL: "bad",
    Severity.DAMAGE: "warn",
    Severity.NOTICE: "plain",
}
SEVERITY_WORDS = {
    Severity.FATAL: gettext_lazy("fatal: the phone must not start"),
    Severity.DAMAGE: gettext_lazy("single contacts: they heal by themselves"),
    Severity.NOTICE: gettext_lazy("works, but look at it"),
}


@dataclass(frozen=True)
class Failed:
    """One check that did not hold, as the pages show it."""

    check: str
    severity: Severity
    sentence: str
    advice: str  # what a person does

    @classmethod
    def of(cls, row: dict[str, Any]) -> Failed:
        severity = Severity(row["severity"])
        finding = Finding(row["check"], severity, row.get("values") or {})
        advice = str(ADVICE.get(finding.check, ""))
        return cls(finding.check, severity, sentence(finding), advice)

    @property
    def tone(self) -> str:
        return SEVERITY_TONES[self.severity]

    @property
    def meaning(self) -> str:
        return str(SEVERITY_WORDS[self.severity])


@dataclass(frozen=True)
class AuthVerdict:
    """The verdict over a phone's auth records. `linked`: its facts say there are keys.

    any_rows: what the table says at this moment, whatever was checked.
    """

    phone: OrganizationPhone
    report: AuthReport | None
    any_rows: bool
    linked: bool

    @classmethod
    def of(cls, phone: OrganizationPhone, *, linked: bool) -> AuthVerdict:
        return cls(
            phone,
            AuthReport.objects.filter(phone=phone).first(),
            BaileysAuth.objects.of(phone).exists(),
            linked,
        )

    @property
    def _known(self) -> AuthReport | None:
        """The report, if there is still something that it is about."""
        report = self.report
        if report is None or report.verdict == Verdict.EMPTY:
            return None
        # Without rows, only a damaged file of a phone that is still linked is left.
        damaged = self.linked and bool(report.findings)
        return report if self.any_rows or damaged else None

    @property
    def verdict(self) -> str:
        """A Verdict, or `unchecked`."""
        if self._known is not None:
            return str(self._known.verdict)
        return "unchecked" if self.any_rows else str(Verdict.EMPTY)

    @property
    def tone(self) -> str:
        if self.verdict == "unchecked":
            return "plain"
        return "warn" if self.emptied else TONES[Verdict(self.verdict)]

    @property
    def label(self) -> str:
        if self.verdict == "unchecked":
            return _("not checked")
        return str(Verdict(self.verdict).label)

    @property
    def emptied(self) -> bool:
        """A linked phone without rows: the copy was never made, or removed by hand."""
        return self.linked and not self.any_rows and self._known is None

    @cached_property
    def failed(self) -> list[Failed]:
        """The worst first."""
        if self._known is None:
            return []
        return [Failed.of(row) for row in self._known.findings]

    @property
    def sentence(self) -> str:
        """The verdict's reason, and what to do, in one sentence."""
        if self.emptied:
            return _(
                "This phone is linked, but the table has no rows of it: a session that "
                "runs fills them in again within a minute; without one it must be "
                "scanned again."
            )
        if not self.any_rows and self._known is None:
            return _("There are no keys of this phone: press Link and scan the code.")
        if self._known is None:
            return _("Nobody has checked these records yet: press Check now.")
        if self.failed:
            return self.failed[0].sentence
        return _("Every check holds.")

    @property
    def summary(self) -> str:
        """The same above the list of what failed."""
        if not self.failed:
            return self.sentence
        count = len(self.failed)
        if self.verdict == Verdict.BROKEN:
            text = ngettext(
                "This phone must not start: %(count)d check failed.",
                "This phone must not start: %(count)d checks failed.",
                count,
            )
        else:
            text = ngettext(
                "The phone works, but %(count)d check failed.",
                "The phone works, but %(count)d checks failed.",
                count,
            )
        return text % {"count": count}

    @property
    def checked(self) -> AuthReport | None:
        return self._known


def latest_check(phone: OrganizationPhone) -> PhoneRequest | None:
    kind = PhoneRequest.Kind.CHECK
    return PhoneRequest.objects.filter(phone=phone, kind=kind).order_by("-id").first()
