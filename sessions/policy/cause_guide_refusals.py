"""Guides to connections that WhatsApp refuses, and to sessions taken over."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import KEEP_THE_KEYS, Guide

GUIDES = {
    "r1": Guide(
        meaning=_(
            "Another program connected with the same keys and WhatsApp closed ours: an"
            " old server that still runs, a restored copy, or a second installation."
        ),
        we_do=_(
            "One more start after about %(replaced_retry)s. If it happens again within"
            " %(replaced_window)s, the phone is held until a person presses Start."
        ),
        you_do=_(
            "Find the other program and switch it off for good: first the old server, "
            "then copies of this one. Then press Start."
        ),
        avoid=_(
            "Do not press Start while the other one runs: the two throw each other out"
            " and damage the encryption of the chats. A new scan does not help either."
        ),
    ),
    "o1": Guide(
        meaning=_(
            "WhatsApp does not accept this version of the client library any more. It "
            "concerns all phones; their keys are good."
        ),
        we_do=_(
            "The phones wait. One attempt every %(outdated_retry)s finds out whether "
            "WhatsApp accepts us again."
        ),
        you_do=_(
            "Ask the server's administrator to upgrade Switchboard with its library, "
            "neonize. All phones come back by themselves."
        ),
        avoid=_(
            "Do not scan, unlink or clear anything: no key is lost, and a new link is "
            "refused in the same way."
        ),
    ),
    "f1": Guide(
        meaning=_(
            "WhatsApp refused the login with a code that speaks of the request and not"
            " of the account (400, 409 or 501). The keys are kept."
        ),
        we_do=_(
            "It is tried again after %(refused_retries)s, then held. Code 409 is held "
            "at once: there it never helps to try again."
        ),
        you_do=_(
            "If it is held, look whether other phones have the same and whether a "
            "newer version of Switchboard is out. Then press Start."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "f2": Guide(
        meaning=_(
            "WhatsApp refused the login with a code that the library does not know. "
            "The keys are kept."
        ),
        we_do=_(
            "It is tried again after %(refused_retries)s, then held until a person "
            "presses Start. The history keeps the code, if the library's log named it."
        ),
        you_do=_(
            "Look at the history for the code and whether other phones have it too. "
            "Open WhatsApp on the phone and check that the account works."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "f3": Guide(
        meaning=_(
            "WhatsApp's own servers are overloaded or under repair (500 or 503) and "
            "refuse logins for now. Baileys calls the 500 “badSession”; the session is"
            " fine."
        ),
        we_do=_(
            "The library tries again by itself for %(ride_overloaded)s; then a new "
            "start follows every %(overloaded_retry)s."
        ),
        you_do=_(
            "Nothing: it passes. If only one phone has it for hours, press Restart "
            "once."
        ),
        avoid=KEEP_THE_KEYS,
    ),
}
