"""`make causes`: docs/causes.md from the catalogue, its guides and their proofs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.causes.proofs import PROOFS, Proof

PAGE = Path("docs/causes.md")
HOW = {
    "real": "real client",
    "recorded": "recorded events",
    "never": "cannot be produced",
}
INTRODUCTION = """\
# Causes

Every way a session ends, or is about to end: what it means, what the portal does, what
a person should do, and how we know. The portal shows the same under *Causes*
(`/admin/causes/`), in the reader's language and with the reader's own phones. The
numbers are those of the default settings ([settings](settings.md)).

Written by `make causes` from `sessions/policy/` and `tests/causes/proofs.py`; a test
compares. Do not edit it.

- **Keys** says whether the stored keys still work afterwards. Only *dead* ones are
  taken away, and only after WhatsApp said so or a person asked for it.
- **Action** is what the portal does by itself. *ride*: the library reconnects;
  *restart*: a new process with the same keys; *wait*: until a date; *hold*: until a
  person acts; *relink*: a person must scan; *expected*: part of the normal course;
  *none*: nothing.
- **Proof** is *real client* when the unpatched library was brought to it in the
  sandbox, *recorded events* when the library's own words for it went through the
  product, and *cannot be produced* when nothing can bring it about. The sections name
  the tests.
"""


def page() -> str:
    """The whole page, in English."""
    from django.utils.translation import override

    with override("en"):
        return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    from sessions.policy.cause_groups import GROUPS

    yield INTRODUCTION
    yield from _tally()
    for group in GROUPS:
        yield f"## {group.title}\n"
        yield from _table(tuple(group.guides))
    yield "## By code\n"
    yield from _codes()
    for group in GROUPS:
        for cause_id in group.guides:
            yield from _section(cause_id)


def _tally() -> Iterator[str]:
    from sessions.policy.causes import CAUSES

    hows = [PROOFS[cause_id].how for cause_id in CAUSES if cause_id in PROOFS]
    counts = ", ".join(f"{hows.count(how)} {words}" for how, words in HOW.items())
    yield f"{len(CAUSES)} causes: {counts}.\n"


def _table(cause_ids: tuple[str, ...]) -> Iterator[str]:
    from sessions.policy.causes import CAUSES, sentence

    yield "| id | code | name in Baileys | keys | action | sentence | proof |"
    yield "|---|---|---|---|---|---|---|"
    for cause_id in cause_ids:
        cause = CAUSES[cause_id]
        cells = (
            f"[`{cause_id}`](#{cause_id})",
            ", ".join(map(str, cause.codes)) or "–",
            cause.baileys_name or "–",
            cause.credentials,
            cause.action,
            sentence(cause_id).replace("|", "\\|"),
            _how(PROOFS.get(cause_id)),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _codes() -> Iterator[str]:
    from sessions.policy.causes import CAUSES

    codes = sorted({code for cause in CAUSES.values() for code in cause.codes})
    yield "| code | may be | are the keys gone? |"
    yield "|---|---|---|"
    for code in codes:
        found = [cause for cause in CAUSES.values() if code in cause.codes]
        links = ", ".join(f"[`{cause.id}`](#{cause.id})" for cause in found)
        gone = any(cause.credentials == "dead" for cause in found)
        yield f"| {code} | {links} | {'yes' if gone else '**no**'} |"
    yield ""


def _section(cause_id: str) -> Iterator[str]:
    from sessions.policy.cause_course import course
    from sessions.policy.cause_groups import PARTS, advice
    from sessions.policy.causes import sentence, title
    from sessions.policy.reconnect import Rules
    from sessions.policy.rule_texts import rule_in_words

    texts = advice(cause_id)
    yield f"### {cause_id}\n"
    yield f"*{title(cause_id)}* — “{sentence(cause_id)}”\n"
    for part, label in PARTS:
        yield f"- **{label}.** {texts[part]}"
    words = course(cause_id, Rules())
    if words:
        rules = "; ".join(f"{rule_in_words(word)} (`{word}`)" for word in words)
        yield f"- **What happens next.** {rules[:1].upper()}{rules[1:]}."
    yield f"- **Proof.** {_proof(PROOFS.get(cause_id))}\n"


def _how(proof: Proof | None) -> str:
    return HOW[proof.how] if proof is not None else "none yet"


def _proof(proof: Proof | None) -> str:
    if proof is None:
        return "None yet."
    named = ", ".join(f"`{test}`" for test in proof.tests)
    said = f"{HOW[proof.how].capitalize()}{': ' if named else ''}{named}."
    return f"{said} {proof.why}".strip()


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
