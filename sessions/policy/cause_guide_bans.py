"""Guides to the temporary bans."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import Guide

NO_ATTEMPTS = _(
    "Do not press Restart, unlink or scan again: an attempt during the ban may make it"
    " longer, and the keys are good."
)
UNTIL_THE_DATE = _(
    "Nothing is tried before the date that WhatsApp named, plus at least "
    "%(ban_margin)s; without a date, %(ban_without_date)s are assumed. Then it starts "
    "by itself, with the same keys."
)

GUIDES = {
    "b1": Guide(
        meaning=_(
            "WhatsApp banned the number for a time because it wrote to too many people"
            " who do not have it in their contacts."
        ),
        we_do=UNTIL_THE_DATE,
        you_do=_(
            "Stop what sends to strangers. After the ban write less, and to people who"
            " wrote to you first."
        ),
        avoid=NO_ATTEMPTS,
    ),
    "b2": Guide(
        meaning=_(
            "WhatsApp banned the number for a time because too many people blocked or "
            "reported it."
        ),
        we_do=UNTIL_THE_DATE,
        you_do=_(
            "Look at what was sent and to whom: people did not want it. Give them an "
            "easy way to say no, and write only to those who agreed."
        ),
        avoid=NO_ATTEMPTS,
    ),
    "b3": Guide(
        meaning=_(
            "WhatsApp banned the number for a time because it created too many groups "
            "with people who do not know it."
        ),
        we_do=UNTIL_THE_DATE,
        you_do=_(
            "Create no groups for at least a week after the ban; invite people by a "
            "link instead of adding them."
        ),
        avoid=NO_ATTEMPTS,
    ),
    "b4": Guide(
        meaning=_(
            "WhatsApp banned the number for a time because the same text went to too "
            "many people."
        ),
        we_do=UNTIL_THE_DATE,
        you_do=_(
            "Stop the mailing with that text for good. Later texts should differ and "
            "go to people who expect them."
        ),
        avoid=NO_ATTEMPTS,
    ),
    "b5": Guide(
        meaning=_(
            "WhatsApp banned the number for a time because it sent too much to "
            "broadcast lists."
        ),
        we_do=UNTIL_THE_DATE,
        you_do=_("Stop using broadcast lists with this number."),
        avoid=NO_ATTEMPTS,
    ),
    "b6": Guide(
        meaning=_(
            "WhatsApp banned the number for a time and gave a reason that we do not "
            "know, or none."
        ),
        we_do=UNTIL_THE_DATE,
        you_do=_(
            "Open WhatsApp on the phone: it may say more. Stop mailings and the "
            "creation of groups until it is over."
        ),
        avoid=NO_ATTEMPTS,
    ),
}
