"""Words of the verbs: buttons, what a confirmation says, what was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from phones.admin.clear_words import explain_one
from phones.admin.story import Story, unserved_sentence
from phones.models import Status
from phones.models.audit import COMMAND_LINE
from sessions.policy.cause_groups import advice

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


# Rules that a person should let run, or whose reason should be gone first.
NOT_NOW = ("ban", "flapping", "replaced_once", "replaced_twice")


@dataclass(frozen=True)
class Verb:
    """A verb as people see it. `explain` tells what will happen to this phone."""

    name: str
    label: _StrPromise
    question: _StrPromise
    icon: str
    done: _StrPromise
    explain: Callable[[Story], list[str]]
    danger: bool = False


def _link(story: Story) -> list[str]:
    lines = [
        _(
            "A server asks WhatsApp for a code. You then have about two and a half "
            "minutes to scan it with the phone %(number)s: have it in your hand."
        )
        % {"number": story.phone}
    ]
    if story.status == Status.LOGGED_OUT:
        lines.append(
            _(
                "If the phone still lists an old device of this portal under Linked "
                "devices, remove it there first: four devices is the limit."
            )
        )
    if not story.any_host:
        lines.append(unserved_sentence(any_host=False))
    return lines


def _start(story: Story) -> list[str]:
    lines = [_("The session starts with the keys we have; no scan is needed.")]
    if story.status == Status.HELD:
        lines.insert(0, _("The hold ends."))
    if not story.any_host:
        lines.append(unserved_sentence(any_host=False))
    return [*_too_early(story), *lines]


def _stop(story: Story) -> list[str]:
    if story.pairing_active:
        return [_("The code is withdrawn and linking ends; nothing else is changed.")]
    return [
        _("The session ends: nothing is received or sent until the next Start."),
        _(
            "The keys stay, so no scan is needed later. WhatsApp unlinks a device that "
            "was not online for 30 days."
        ),
    ]


def _restart(story: Story) -> list[str]:
    return [
        *_too_early(story),
        _(
            "The session's process ends and a new one starts with the same keys: a few "
            "seconds offline, no scan."
        ),
    ]


def _too_early(story: Story) -> list[str]:
    """What a start makes worse while this rule is in force."""
    if story.facts.rule not in NOT_NOW:
        return []
    return [advice(story.cause_id)["avoid"]] if story.cause_id else []


def _hold(story: Story) -> list[str]:
    return [
        _("The session ends, as with Stop."),
        _(
            "The phone is marked as needing a person, for everybody to see, until "
            "somebody presses Start."
        ),
    ]


def _unlink(story: Story) -> list[str]:
    lines = [
        _("WhatsApp is told to log this device out; the phone stops listing it."),
        _("Linking again needs a new scan."),
    ]
    if story.status not in (Status.CONNECTED, Status.UNPROVEN):
        lines.append(
            _(
                "The phone is not connected now: the server connects first, and gives "
                "up after 30 seconds. Clear removes the keys without WhatsApp."
            )
        )
    return lines


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "link",
            gettext_lazy("Link"),
            gettext_lazy("Link this phone?"),
            "qr_code_2",
            gettext_lazy("A code is on its way."),
            _link,
        ),
        Verb(
            "start",
            gettext_lazy("Start"),
            gettext_lazy("Start this phone?"),
            "play_arrow",
            gettext_lazy("Asked to start; a server does it within seconds."),
            _start,
        ),
        Verb(
            "restart",
            gettext_lazy("Restart"),
            gettext_lazy("Restart this phone?"),
            "restart_alt",
            gettext_lazy("Asked to restart; a server does it within seconds."),
            _restart,
        ),
        Verb(
            "stop",
            gettext_lazy("Stop"),
            gettext_lazy("Stop this phone?"),
            "stop",
            gettext_lazy("Asked to stop; a server does it within seconds."),
            _stop,
        ),
        Verb(
            "hold",
            gettext_lazy("Hold"),
            gettext_lazy("Hold this phone?"),
            "back_hand",
            gettext_lazy("Asked to hold; a server does it within seconds."),
            _hold,
        ),
        Verb(
            "unlink",
            gettext_lazy("Unlink"),
            gettext_lazy("Unlink this phone?"),
            "link_off",
            gettext_lazy("Asked to unlink; a server does it within 30 seconds."),
            _unlink,
            danger=True,
        ),
        Verb(
            "clear",
            gettext_lazy("Clear auth"),
            gettext_lazy("Clear the keys of this phone?"),
            "key_off",
            gettext_lazy("Asked to clear the keys; it takes some seconds."),
            explain_one,
            danger=True,
        ),
    )
}

OTHER_ACTS = {
    "send": gettext_lazy("Send"),
    "check": gettext_lazy("Checked the auth records"),
    "put_back": gettext_lazy("Put keys back"),
    "move": gettext_lazy("Moved to a server"),
    "drain": gettext_lazy("Drained the server"),
    "end_drain": gettext_lazy("Ended the drain"),
    "forget_server": gettext_lazy("Forgot the server"),
    "upload_baileys": gettext_lazy("Uploaded Baileys records"),
    "import_baileys": gettext_lazy("Took it over from Baileys"),
    "add_phone": gettext_lazy("Added the phone"),
    "change_phone": gettext_lazy("Changed the phone"),
    "delete_phone": gettext_lazy("Deleted the phone"),
    "set_proxy": gettext_lazy("Set a proxy"),
    "clear_proxy": gettext_lazy("Cleared the proxy"),
    "member_added": gettext_lazy("Added a member"),
    "member_changed": gettext_lazy("Changed a member"),
    "member_removed": gettext_lazy("Removed a member"),
}


def actor_in_words(actor: str) -> str:
    """Who did it: a user name, or the command line."""
    return _("the command line") if actor == COMMAND_LINE else actor


def act_in_words(verb: str) -> str:
    """What an audit entry says was done."""
    if verb in VERBS:
        return str(VERBS[verb].label)
    return str(OTHER_ACTS.get(verb, verb))
