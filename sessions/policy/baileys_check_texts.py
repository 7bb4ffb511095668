"""Texts of the checks of Baileys' rows; the Russian ones are in locale/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from sessions.policy.auth_findings import Finding

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MISSING = "…"
UNKNOWN_SENTENCE = _("A check that this version does not know failed (%(check)s).")

# One sentence: what does not hold. A whole one, since it also stands alone.
SENTENCES: dict[str, _StrPromise] = {
    "b01": _("There is no row “creds” among the %(count)s rows of this phone."),
    "b02": _("The row “creds” cannot be read: %(why)s."),
    "b03": _(
        "Baileys lost the creds of this phone and began new ones, which were never "
        "linked: %(sessions)s sessions of the old device are left."
    ),
    "b04": _("The phone never finished linking: nobody scanned its code."),
    "b05": _("The creds are damaged: %(what)s."),
    "b06": _("The signed prekey is of another identity key: its signature is wrong."),
    "b07": _("The account block is of another link: the phone's signature is wrong."),
    "b08": _("The account block is of another link: our own signature is wrong."),
    "b09": _("The rows belong to another number (%(number)s)."),
    "b20": _("Sessions with single contacts are broken: %(count)s (%(wrong)s)."),
    "b21": _("Sender keys of groups are broken: %(count)s (%(wrong)s)."),
    "b22": _("Prekeys are broken: %(count)s (%(wrong)s)."),
    "b23": _("Prekeys that were never uploaded are missing: %(count)s."),
    "b24": _(
        "The session with the phone itself is from before WhatsApp was reinstalled."
    ),
    "b25": _("Keys of the app state are broken: %(count)s (%(wrong)s)."),
    "b26": _(
        "The creds are older than the prekeys (%(highest)s, but the next is %(next)s):"
        " a write was lost, or a backup was restored."
    ),
    "b27": _("Rows are not JSON, or cut off: %(count)s (%(wrong)s)."),
    "b30": _("Rows are left from an earlier link of this number: %(count)s."),
    "b31": _("Only %(count)s uploaded prekeys are left."),
    "b32": _("The current key of the app state is missing."),
    "b33": _("The app state does not add up (%(name)s)."),
    "b34": _("Rows have keys that Baileys does not use: %(count)s."),
    "b35": _("The creds do not name the identity key of the phone."),
    "b36": _("The key pair for linking by code is damaged."),
}

# What is looked at; a clause for the list of checks.
LOOKS_AT: dict[str, _StrPromise] = {
    "b01": _("there is a row “creds”"),
    "b02": _("it is JSON as Baileys writes it"),
    "b03": _("creds that were never linked have no sessions beside them"),
    "b04": _("the creds name a JID with a device, and hold the account block"),
    "b05": _(
        "each private key fits its public key, and each field of the creds has its "
        "length"
    ),
    "b06": _("the identity key has signed the signed prekey (XEdDSA)"),
    "b07": _("the phone's own identity key has signed the identity key"),
    "b08": _("the identity key has signed what the phone signed"),
    "b09": _("the JID in the creds is of the number that the rows are filed under"),
    "b20": _(
        "each session has exactly one open state, whose ratchet keys fit, and which "
        "can both send and receive"
    ),
    "b21": _("each sender key is JSON with states that have their keys"),
    "b22": _("each prekey's private key fits its public key"),
    "b23": _("no prekey is missing from firstUnuploadedPreKeyId to nextPreKeyId"),
    "b24": _("the session with the phone itself has the key that signed the account"),
    "b25": _("each key of the app state has an id, bytes and a fingerprint"),
    "b26": _("no prekey has an id from nextPreKeyId on, and both counters are sound"),
    "b27": _("all other rows are JSON as Baileys writes it"),
    "b30": _("no row was last written before the time in the account block"),
    "b31": _("there are five uploaded prekeys at least"),
    "b32": _("the app state key that creds call current is there"),
    "b33": _("the LT-hash of each collection of the app state is the sum of its rows"),
    "b34": _("each key begins with one of Baileys' categories"),
    "b35": _("signalIdentities holds the key that signed the account"),
    "b36": _("the halves of pairingEphemeralKeyPair fit"),
}

_SCAN = _("Remove the old device on the phone, and scan a new QR code.")
_RETRIES = _(
    "Nothing: these are left out, and the chats heal by themselves when the contact "
    "writes again."
)
# What a person does.
ADVICE: dict[str, _StrPromise] = {
    **dict.fromkeys(("b01", "b02", "b03", "b05", "b06", "b07", "b08"), _SCAN),
    "b04": _("Scan a new QR code."),
    "b09": _("Find out whose rows these are; they are taken over for neither number."),
    **dict.fromkeys(("b20", "b21", "b22", "b24", "b27"), _RETRIES),
    "b23": _("Nothing: new prekeys are uploaded at the first connect."),
    "b25": _("Nothing: messages do not need them; names of contacts may be missing."),
    "b26": _(
        "Make sure that these rows are the newest that exist. A few first messages may"
        " come late."
    ),
    "b30": _("Nothing: they are left out."),
    "b31": _("Nothing: new prekeys are uploaded at the first connect."),
    "b32": _("Open WhatsApp on the phone once; messages do not need it."),
    "b33": _("Nothing: the app state is asked for anew."),
    "b34": _("Nothing: they are left out."),
    "b35": _("Nothing: it is taken from the account block."),
    "b36": _("Nothing: it serves linking alone."),
}


def sentence(finding: Finding) -> str:
    """What does not hold, in the language in force. Never raises."""
    text = SENTENCES.get(finding.check, UNKNOWN_SENTENCE)
    return str(text) % _Shown({"check": finding.check, **finding.values})


class _Shown(dict[str, str | int]):
    def __init__(self, values: Mapping[str, str | int]) -> None:
        super().__init__(values)

    def __missing__(self, name: str) -> str:
        return MISSING
