"""Texts of the checks of auth records; the Russian ones are in locale/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from sessions.policy import baileys_check_texts
from sessions.policy.auth_findings import Finding

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MISSING = "…"
UNKNOWN_SENTENCE = _("A check that this version does not know failed (%(check)s).")

# One sentence: what does not hold. A whole one, since it also stands alone.
SENTENCES: dict[str, _StrPromise] = {
    "w01": _("The store file is damaged: SQLite says %(said)s."),
    "w02": _("The store holds rows without their device (%(table)s)."),
    "w03": _("The store file is not whatsmeow's: it names %(count)s schema versions."),
    "w04": _("The store was written by a newer library (schema %(schema)s)."),
    "w05": _("The store file was not made for this phone."),
    "w06": _("The keys have lost their device row: clear them and link again."),
    "w07": _("The store holds %(count)s devices instead of one."),
    "w08": _("The device in the store was never fully linked (its JID has no device)."),
    "w09": _("The store belongs to another number (%(number)s)."),
    "w10": _("What the device row has for a LID is not one."),
    "w11": _("The device row is damaged: %(column)s."),
    "w12": _("The signature of the signed prekey does not fit its key."),
    "w13": _("The signature of the account does not fit its key."),
    "w14": _("The signature of the device does not fit its key."),
    "w15": _(
        "The central copy cannot be decrypted (%(row)s): it was written with a key that"
        " is not in AUTH_KEYS, or changed by hand."
    ),
    "w16": _("The central copy holds a value that is no row of a store (%(row)s)."),
    "w17": _("The library has no table for the copy's %(table)s."),
    "w18": _("The prekey ids of this device are used up: link it again."),
    "w20": _("Sessions with single contacts are unreadable: %(count)s (%(wrong)s)."),
    "w21": _("Sessions with single contacts are of another identity: %(count)s."),
    "w22": _(
        "The session with the phone itself is from before WhatsApp was reinstalled."
    ),
    "w23": _("Sender keys of groups are unreadable: %(count)s (%(wrong)s)."),
    "w24": _(
        "Identity keys of contacts differ from those in their sessions: %(count)s."
    ),
    "w25": _(
        "The identity key of the phone itself is another than it was linked with."
    ),
    "w26": _("Rows have a length that keys cannot have: %(count)s (%(wrong)s)."),
    "w27": _(
        "The newest prekeys are gone (id %(highest)s, %(seen)s was seen before): the "
        "keys come from an old backup."
    ),
    "w30": _("Only %(count)s prekeys are left."),
    "w31": _("The identity key of the phone itself is not stored."),
    "w32": _("No key of the app state arrived since the phone was linked."),
    "w33": _("A journal of another program lies beside the store file."),
    "w34": _("The app state does not add up (%(name)s)."),
}

# What it is compared with; a clause for the list of checks.
LOOKS_AT: dict[str, _StrPromise] = {
    "w01": _("SQLite's integrity_check of the store file says ok"),
    "w02": _("every row belongs to the device (foreign keys)"),
    "w03": _("whatsmeow's schema version is there, once"),
    "w04": _("the library that runs can read that schema"),
    "w05": _("the stamp in the store file names this phone"),
    "w06": _("where there are rows, there is a device row"),
    "w07": _("there is one device row"),
    "w08": _("the JID of the device is a number, a device and s.whatsapp.net"),
    "w09": _("that number is the phone's"),
    "w10": _("the LID of the device is empty, or has the form of one"),
    "w11": _("each key and signature of the device has its length"),
    "w12": _("the identity key has signed the signed prekey (XEdDSA)"),
    "w13": _("the phone's own identity key has signed the identity key"),
    "w14": _("the identity key has signed what the phone signed"),
    "w15": _("one of AUTH_KEYS decrypts each row of the central copy"),
    "w16": _("each of these rows is one of a store file"),
    "w17": _("the library has a table for each of these rows"),
    "w18": _("prekey ids stay below 16,777,216 when a store is made from the copy"),
    "w20": _("each session is JSON with the keys that the library needs, all states"),
    "w21": _("each session is of this device's identity key"),
    "w22": _("the session with the phone itself has the key that signed the device"),
    "w23": _("each sender key is JSON with the keys that the library needs"),
    "w24": _("the identity key of a contact is the one of the session"),
    "w25": _("the identity key of the phone itself is the one that signed the device"),
    "w26": _("identity keys, prekeys and hashes of the app state have their length"),
    "w27": _("the highest prekey id is not lower than one that was seen before"),
    "w30": _("there are five prekeys at least"),
    "w31": _("the identity key of the phone itself is there once the LID is known"),
    "w32": _("an hour after the link, there is a key of the app state"),
    "w33": _("no rollback journal lies beside the store file"),
    "w34": _("the LT-hash of each collection of the app state is the sum of its rows"),
}

_RELINK = _(
    "If an older copy does not help (the next start tries it by itself), clear the "
    "keys, remove the device on the phone, and link anew."
)
_DROPPED = _(
    "Nothing: these rows are left out at the next start, and the chats heal by "
    "themselves when the contact writes again."
)
# What a person does.
ADVICE: dict[str, _StrPromise] = {
    **dict.fromkeys(("w01", "w02", "w03", "w05", "w07", "w08", "w10", "w11"), _RELINK),
    **dict.fromkeys(("w12", "w13", "w14"), _RELINK),
    **dict.fromkeys(("w20", "w21", "w22", "w23", "w24", "w25", "w26"), _DROPPED),
    "w04": _(
        "Update this server, or let a server with the newer version run the phone."
    ),
    "w06": _("Clear the keys, remove the device on the phone, and link anew."),
    "w09": _(
        "Find out where the file or the rows come from; a DATA_DIR may belong to "
        "another database."
    ),
    "w15": _("Put the missing key back into AUTH_KEYS; until then nothing is lost."),
    "w16": _("Start the phone where its file is, or restore the table."),
    "w17": _("Run the version that wrote the rows."),
    "w18": _("Clear the keys, remove the device on the phone, and link anew."),
    "w27": _(
        "Expect messages that cannot be read for some days. If they stay, clear the "
        "keys and link anew. Never restore a backup into a phone that was in use since."
    ),
    "w30": _("Nothing: new ones are uploaded at the next connect."),
    "w31": _("Nothing: it is stored with the next message from the phone."),
    "w32": _(
        "Open WhatsApp on the phone once; names and archived chats come from it, "
        "messages do not need it."
    ),
    "w33": _("Find out which program opened the file, and keep it away."),
    "w34": _("Nothing: messages do not need it; names of contacts may be old."),
}


def sentence(finding: Finding) -> str:
    """What does not hold, in the language in force. Never raises."""
    return words(finding.check, finding.values)


def words(check: str, values: Mapping[str, str | int]) -> str:
    """The same, of what is stored of a finding."""
    of_baileys = baileys_check_texts.SENTENCES.get(check, UNKNOWN_SENTENCE)
    text = SENTENCES.get(check, of_baileys)
    return str(text) % _Shown({"check": check, **values})


class _Shown(dict[str, str | int]):
    def __init__(self, values: Mapping[str, str | int]) -> None:
        super().__init__(values)

    def __missing__(self, name: str) -> str:
        return MISSING
