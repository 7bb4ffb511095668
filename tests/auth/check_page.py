"""`make auth-checks`: docs/auth-checks.md from the checks of auth records."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path("docs/auth-checks.md")
INTRODUCTION = """\
# Checks of auth records

What is looked at in a phone's keys, what a failure costs, and what to do. The page
*Auth records* of a phone shows the verdict of the last check with its sentence;
`manage.py check_auth [PHONE… | --all] [--json]` checks now and ends with status 1 when
any phone is broken.

Written by `make auth-checks` from `sessions/policy/`; a test compares. Do not edit it.

| verdict | means |
|---|---|
| healthy | every check holds |
| suspicious | the phone works; single contacts or something besides messages suffer |
| broken | a *fatal* check fails: the phone would not be started |
| no keys | there is nothing to check |

- **Before every start** the fatal checks and those of single contacts run on the store
  file. A file that fails is replaced by one made from the central copy. If that fails
  too, the phone is held, nothing is started, and the cause `broken_store` names the
  check. Rows of single contacts that fail (*damage*) are left out, each with a line in
  the log. The whole look at a file takes 6 ms with 812 prekeys, 9 ms with 200 contacts
  and 38 ms with 2,000 beside them (one core of an AMD EPYC).
- **Every night**, from `WHATSAPP_AUTH_CHECK_HOUR` on, each host checks the live files
  of its phones, reading only, and the central copies of phones that no host has.
- **On demand**: *Check now* on the page, or the command. The host that has the phone
  checks the live file; without one the central copy is checked.
- A fatal finding beside a running session is the warning
  [`records_broken`](causes.md#records_broken), and an alert. The session goes on.
"""
OF_BAILEYS = """\
## Rows of Baileys

Looked at by `manage.py import_baileys` and the import's pages before anything is
carried over; *fatal* means that the phone has to be scanned anew.
"""
GROUPS = {
    "fatal": "### Fatal: the phone does not start",
    "damage": "### Damage: single contacts or groups",
    "notice": "### Notice: it works, but look at it",
}
EXAMPLES = {
    "said": "database disk image is malformed",
    "why": "Unterminated string",
    "what": "noiseKey",
    "number": "49***78",
    "column": "noise_key",
    "row": "session",
    "name": "regular",
}


def page() -> str:
    """The whole page, in English."""
    from django.utils.translation import override

    with override("en"):
        return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    from sessions.policy import (
        auth_check_texts,
        auth_checks,
        baileys_check_texts,
        baileys_checks,
    )

    yield INTRODUCTION
    yield "## Store files and the central copy\n"
    yield from _tables(auth_checks.SEVERITIES, auth_check_texts)
    yield OF_BAILEYS
    yield from _tables(baileys_checks.SEVERITIES, baileys_check_texts)


def _tables(severities: Mapping[str, str], texts: Any) -> Iterator[str]:
    for severity, heading in GROUPS.items():
        yield f"{heading}\n"
        yield "| id | holds when | else it says | what to do |"
        yield "|---|---|---|---|"
        for check, its in severities.items():
            if its == severity:
                cells = texts.LOOKS_AT[check], _said(texts, check), texts.ADVICE[check]
                yield f"| `{check}` | {' | '.join(map(_cell, cells))} |"
        yield ""


def _said(texts: Any, check: str) -> str:
    return str(texts.SENTENCES[check]) % _Examples()


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|")


class _Examples(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return EXAMPLES.get(name, "…")


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
