"""The rules of the reconnect policy, and the words of the catalogue, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sessions.policy.causes import CAUSES, sentence, title
from sessions.policy.spelled_numbers import spelled

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# By the word of SessionFacts.rule; `%(name)s` is a number of spelled_numbers.py.
RULES: dict[str, _StrPromise] = {
    "ride": _(
        "the library reconnects by itself; if it cannot, a new process is started"
    ),
    "overloaded": _(
        "WhatsApp is overloaded: the library tries for %(ride_overloaded)s, then one "
        "start every %(overloaded_retry)s"
    ),
    "backoff": _(
        "a new start after a growing delay, %(max_delay)s at most; after "
        "%(max_attempts)s starts in a row the slow lane"
    ),
    "slow_lane": _("slow lane: one start every %(slow_lane)s"),
    "attempts_spent": _(
        "%(max_attempts)s starts in a row did not last: held until a person presses "
        "Start"
    ),
    "unreachable": _(
        "WhatsApp cannot be reached: tried again for ever, %(max_delay)s apart at "
        "most; no attempt is counted"
    ),
    "replaced_once": _(
        "one more start after about %(replaced_retry)s, because another program took "
        "over"
    ),
    "replaced_twice": _(
        "another program took over twice within %(replaced_window)s: held until a "
        "person presses Start"
    ),
    "ban": _(
        "waits for the end of the ban and at least %(ban_margin)s more; no attempt "
        "before"
    ),
    "outdated": _(
        "WhatsApp refuses this version: one attempt every %(outdated_retry)s until the "
        "software is upgraded"
    ),
    "refused": _("refused: tried again after %(refused_retries)s, then held"),
    "hold": _("held until a person presses Start"),
    "relink": _("the keys are gone: a person must press Link and scan"),
    "flapping": _(
        "paused for %(flap_pause)s: it came back %(flaps)s times within "
        "%(flap_window)s and was lost again"
    ),
    "incident": _(
        "part of an incident: one phone at a time tries, the others follow its "
        "success; no attempt is counted"
    ),
    "lease": _("started again at once: the lease was lost, the phone is not to blame"),
    "crashing": _(
        "%(crash_limit)s crashes within %(repeat_window)s: held until a person presses "
        "Start"
    ),
    "stream_errors": _(
        "%(stream_error_limit)s such errors within %(repeat_window)s: the library does "
        "not go on by itself"
    ),
    "store": _("the storage failed again: held until a person presses Start"),
    "link_shut": _(
        "Link stays shut for %(link_shut)s, because WhatsApp rejected the device right "
        "after linking"
    ),
}
ACTIONS: dict[str, _StrPromise] = {
    "relink": _("wait for a new scan"),
    "hold": _("hold until a person acts"),
    "wait": _("wait for a date, then start"),
    "restart": _("start again with the same keys"),
    "ride": _("let the library reconnect"),
    "expected": _("nothing: it is part of the normal course"),
    "none": _("leave the session as it is"),
}
CREDENTIALS: dict[str, _StrPromise] = {
    "good": _("yes, no scan is needed"),
    "dead": _("no, a new scan is needed"),
    "unknown": _("kept; WhatsApp will tell"),
    "none": _("there are none"),
}


def rule_in_words(word: str) -> str:
    """In the language in force; a word without a text is shown as it is."""
    return str(RULES[word]) % spelled() if word in RULES else word


def held_sentence(cause_id: str, values: Mapping[str, Any] | None = None) -> str:
    """The sentence of a cause whose phone is held.

    Where the cause is tried again as a rule, its own sentence would promise that.
    """
    cause = CAUSES.get(cause_id)
    tried = cause is not None and cause.action in ("ride", "restart", "expected")
    if not tried or cause_id == "r1":
        return sentence(cause_id, values)
    named = {"title": title(cause_id)}
    return gettext("Held after “%(title)s”; press Start to try again.") % named
