"""Guides to the logins that WhatsApp, or a person on the phone, ended."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import Guide

GUIDES = {
    "u1": Guide(
        meaning=_(
            "WhatsApp told this device to log out while it was online: somebody "
            "removed it on the phone, or WhatsApp did. The keys are of no use any "
            "more."
        ),
        we_do=_(
            "The session has ended and its keys lie in the encrypted quarantine for "
            "%(quarantine)s. Nothing is tried again, and no code appears before "
            "somebody presses Link."
        ),
        you_do=_(
            "Ask whoever has the phone whether they removed the device. Then press "
            "Link and scan: on the phone open WhatsApp > Settings > Linked devices "
            "(Android: the three dots > Linked devices)."
        ),
        avoid=_(
            "Do not scan again and again if WhatsApp removes the device each time: "
            "find out who does it first. Start does not help: without keys there is "
            "nothing to start."
        ),
    ),
    "u2": Guide(
        meaning=_(
            "WhatsApp unlinked the device while it was offline, and said so at the "
            "next connect. Usual reasons: somebody removed it on the phone, the phone "
            "itself was offline for %(primary_limit)s, or this device was offline for "
            "%(device_limit)s."
        ),
        we_do=_(
            "As after any logout: the session has ended, its keys are in the "
            "quarantine for %(quarantine)s, and no code appears before somebody "
            "presses Link."
        ),
        you_do=_(
            "See on the phone's page when it was connected last and when the phone "
            "itself was seen. Open WhatsApp on the phone, then press Link and scan."
        ),
        avoid=_(
            "Do not leave phones stopped or switched off for weeks: WhatsApp's clocks "
            "go on."
        ),
    ),
    "u3": Guide(
        meaning=_(
            "WhatsApp says that the main device is gone: the account is locked, or the"
            " number was moved to another phone. The keys are of no use any more."
        ),
        we_do=_(
            "The session has ended and its keys are in the quarantine for "
            "%(quarantine)s. Link asks for a confirmation that the account works."
        ),
        you_do=_(
            "Open WhatsApp on the phone and check that you are signed in and can write"
            " to somebody. Only then press Link, confirm, and scan."
        ),
        avoid=_(
            "Do not link before the phone works: each attempt with a locked account "
            "makes it look worse."
        ),
    ),
    "u4": Guide(
        meaning=_(
            "WhatsApp refused the account for good: most likely the number is banned. "
            "The keys are of no use any more."
        ),
        we_do=_(
            "The session has ended and its keys are in the quarantine for "
            "%(quarantine)s. Link asks for a confirmation that the account works."
        ),
        you_do=_(
            "Open WhatsApp on the phone: it says whether the number is banned and "
            "offers a review. Link again only after the phone works."
        ),
        avoid=_(
            "Do not link again and do not move the traffic to a fresh number with the "
            "same texts: that number goes the same way."
        ),
    ),
    "u5": Guide(
        meaning=_(
            "WhatsApp removed the device within %(just_paired)s of the scan. It "
            "happens with old versions of WhatsApp, and when a number was linked many "
            "times in a row."
        ),
        we_do=_(
            "Link stays shut for %(link_shut)s; the phone's page shows until when. The"
            " keys are in the quarantine."
        ),
        you_do=_(
            "Update WhatsApp on the phone and wait. Then press Link once and scan "
            "once; on iPhones the second try usually works."
        ),
        avoid=_(
            "Do not scan in a loop and do not link the number elsewhere meanwhile: "
            "WhatsApp takes that for abuse."
        ),
    ),
}
