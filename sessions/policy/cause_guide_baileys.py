"""Guides to phones that move from a Baileys server, or back to one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import Guide

GUIDES = {
    "imported": Guide(
        meaning=_(
            "The keys that this number used on a Baileys server are here now; for "
            "WhatsApp it is the same device as before."
        ),
        we_do=_(
            "It connects as soon as a server runs. A phone that was imported to stay "
            "stopped waits for Start."
        ),
        you_do=_(
            "Make sure that the old server cannot start this number again. If the "
            "phone is stopped, press Start; it connects without a scan."
        ),
        avoid=_(
            "Do not run the number in both places, not even for a moment: both lose "
            "their chats' keys."
        ),
    ),
    "not_imported": Guide(
        meaning=_(
            "The records of the Baileys server do not make a working device: parts are "
            "missing, or do not fit together."
        ),
        we_do=_("The number is registered here without keys. Nothing runs."),
        you_do=_(
            "On the phone open WhatsApp > Settings > Linked devices and remove the old "
            "entry. Then press Link and scan."
        ),
        avoid=_("Do not repair the records by hand: WhatsApp would end the login."),
    ),
    "exported": Guide(
        meaning=_(
            "A person wrote the keys of this number to a file for a Baileys server. "
            "Ours are a copy from that moment on."
        ),
        we_do=_("The phone is held, the keys are kept, and Start is refused."),
        you_do=_(
            "Run it on the Baileys server alone. To take it over again, stop that "
            "server and import the phone anew; if the file was lost before it was used,"
            " export it once more."
        ),
        avoid=_(
            "Do not bring our copy of the keys to life in another way: run in both "
            "places, both lose their chats' keys."
        ),
    ),
}
