"""Guides to linkings that do not succeed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import Guide

GUIDES = {
    "q1": Guide(
        meaning=_(
            "All codes of one linking ran out (%(qr_life)s) and none was scanned "
            "successfully. WhatsApp does not tell us whether somebody tried."
        ),
        we_do=_(
            "The linking has ended and its files are deleted. No new code appears by "
            "itself."
        ),
        you_do=_(
            "Take the phone in your hand, press New code and scan it. If it was "
            "scanned and nothing happened, open WhatsApp > Settings > Linked devices: "
            "with %(device_count)s devices listed the phone refuses one more, so "
            "remove one (the old server's entry first)."
        ),
        avoid=_(
            "Do not let codes run out one after the other with nobody at the phone."
        ),
    ),
    "q2": Guide(
        meaning=_(
            "The phone scanned the code, but the linking broke off before its end: a "
            "proof did not fit, or something was not saved."
        ),
        we_do=_(
            "The linking has ended and its files are deleted, so that the next one "
            "begins afresh."
        ),
        you_do=_(
            "Press New code and scan once more. If it fails again, remove a "
            "half-linked entry of this portal under Linked devices on the phone and "
            "update WhatsApp there."
        ),
        avoid=_(
            "Do not try more than two or three times in a row: wait an hour instead."
        ),
    ),
    "q3": Guide(
        meaning=_(
            "The WhatsApp on the phone is too old, or its linking of several devices "
            "is switched off."
        ),
        we_do=_("The same code stays valid until it runs out."),
        you_do=_(
            "Update WhatsApp on the phone, open Linked devices and scan the code "
            "again; if it has run out meanwhile, press New code."
        ),
        avoid=_("Do not link with a modified WhatsApp: WhatsApp removes such devices."),
    ),
    "q4": Guide(
        meaning=_(
            "WhatsApp wants a passkey of this account before it links a device (since "
            "mid-2026, for some accounts). The client library cannot answer that "
            "question, so this portal cannot link the account by a code."
        ),
        we_do=_(
            "The linking has ended at once and its files are deleted; nothing on the "
            "phone has changed."
        ),
        you_do=_(
            "On the phone open WhatsApp > Settings > Account > Passkeys, remove the "
            "passkey, press New code and scan once. Some report that WhatsApp asks for"
            " one again; then this account cannot be linked here until the library "
            "learns to answer."
        ),
        avoid=_(
            "Do not unlink sessions of this account that are alive, here or elsewhere:"
            " they go on without a passkey, and could not be linked again."
        ),
    ),
    "q5": Guide(
        meaning=_(
            "Another phone than the registered one scanned the code. Our device is "
            "gone from that phone again."
        ),
        we_do=_("The wrong number was logged out at once and nothing of it is kept."),
        you_do=_(
            "Press New code and scan with the phone of the registered number. If the "
            "number itself is wrong, add the right one as a new phone."
        ),
        avoid=_(
            "Do not change the number of a phone to make it fit: its history belongs "
            "to the old number."
        ),
    ),
    "q6": Guide(
        meaning=_(
            "WhatsApp gave no pairing code for this number. This portal links by QR "
            "code, so it is seen only when somebody links in another way."
        ),
        we_do=_("The linking ends; the reason is in the history."),
        you_do=_(
            "Use the QR code. If WhatsApp says “rate-overlimit”, wait an hour first."
        ),
        avoid=_(
            "Do not ask for codes again and again: the limit counts every request."
        ),
    ),
    "wrong_number_kept": Guide(
        meaning=_(
            "Another phone than the registered one scanned the code, and undoing it "
            "failed: that phone still lists our device."
        ),
        we_do=_(
            "The session has ended and its keys are deleted here; no message of that "
            "number was taken in."
        ),
        you_do=_(
            "On the phone that scanned, open WhatsApp > Settings > Linked devices and "
            "remove “Switchboard”. Then press New code and scan with the right phone."
        ),
        avoid=_(
            "Do not leave the dead entry there: it takes one of the %(device_count)s "
            "places."
        ),
    ),
    "pairing_interrupted": Guide(
        meaning=_(
            "The server, or the process that showed the code, ended before anybody "
            "scanned it. Nothing was linked."
        ),
        we_do=_(
            "The linking has ended and its files are deleted. No new code appears by "
            "itself."
        ),
        you_do=_("Press New code and scan it."),
        avoid=_("Do not scan a picture of the old code: it is not valid any more."),
    ),
}
