"""What an import does with each phone, as people and programs read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from phones.models import OrganizationPhone
from phones.numbers import mask_number
from sessions.auth.adoption import Plan
from sessions.auth.adoption_outlook import Fate, Outlook
from sessions.policy.auth_check_texts import sentence

PLANNED = {
    Fate.TAKE_OVER: gettext_lazy("can be taken over"),
    Fate.ALREADY_HERE: gettext_lazy("already here"),
    Fate.SCAN_NEEDED: gettext_lazy("scan needed"),
    Fate.REFUSED: gettext_lazy("refused"),
    Fate.REGISTERED: gettext_lazy("registered without keys"),
}
DONE = {**PLANNED, Fate.TAKE_OVER: gettext_lazy("taken over")}
SHOWN_LIDS = 10
INDENT = " " * 4


def as_json(plan: Plan, organization: str, outlook: Outlook) -> dict[str, Any]:
    """Numbers of contacts are masked; the phone's own is told in full."""
    missing = plan.conversion.missing_lids if plan.conversion is not None else []
    newest = plan.newest_change
    return {
        "number": plan.number,
        "organization": organization,
        "verdict": str(plan.verdict) if plan.checked else None,
        "outcome": str(outlook.fate),
        "reason": outlook.reason,
        "findings": [
            {**finding, "text": sentence(found)}
            for finding, found in zip(
                plan.findings_as_json(), plan.findings, strict=True
            )
        ],
        **plan.summary(),
        "missing_lid_numbers": [mask_number(number) for number in missing],
        "newest_change": newest.isoformat() if newest is not None else None,
    }


def as_lines(
    plan: Plan,
    organization: str,
    outlook: Outlook,
    *,
    in_full: bool,
) -> list[str]:
    """A line for the phone; `in_full` also what is carried and what is not."""
    words = PLANNED if in_full else DONE
    verdict = plan.verdict if plan.checked else "-"
    head = f"{mask_number(plan.number):<10} {organization:<20} {verdict:<11}"
    lines = [f"{head} {words[outlook.fate]}"]
    if outlook.reason:
        lines.append(INDENT + outlook.reason)
    if in_full:
        lines += _details(plan, outlook.reason)
    return lines


def next_step(phone: OrganizationPhone, *, started: bool) -> str:
    """Under the line of a phone that was taken over."""
    if started:
        return INDENT + _("It connects as soon as a server runs.")
    return INDENT + _("Next: manage.py start %(phone)s") % {"phone": phone.pk}


def totals(counts: Mapping[Fate, int], *, dry_run: bool) -> str:
    words = PLANNED if dry_run else DONE
    return ", ".join(f"{words[fate]}: {n}" for fate, n in counts.items())


def _details(plan: Plan, said: str) -> list[str]:
    told = [sentence(finding) for finding in plan.findings]
    lines = [INDENT + text for text in told if text != said]
    if plan.conversion is None:
        return lines
    missing = plan.conversion.missing_lids
    rows = {
        _("carried"): _listed(plan.conversion.carried),
        _("lost"): _listed(plan.conversion.lost),
        _("missing LIDs"): _masked(missing),
    }
    if plan.newest_change is not None:
        at = timezone.localtime(plan.newest_change)
        rows[_("last written")] = f"{at:%Y-%m-%d %H:%M:%S}"
    width = max(map(len, rows))
    return lines + [f"{INDENT}{name:<{width}}  {text}" for name, text in rows.items()]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items())) or "-"


def _masked(numbers: list[str]) -> str:
    if not numbers:
        return "-"
    shown = ", ".join(mask_number(number) for number in numbers[:SHOWN_LIDS])
    more = len(numbers) - SHOWN_LIDS
    return f"{len(numbers)}: {shown}" + (f" (+{more})" if more > 0 else "")
