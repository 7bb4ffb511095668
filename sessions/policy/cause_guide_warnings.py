"""Guides to refused messages, and to what will end a session if nobody acts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import Guide

GUIDES = {
    "p1": Guide(
        meaning=_(
            "The phone itself has not been seen online for %(primary_warning)s or "
            "more. WhatsApp logs all linked devices out when the phone was not used "
            "for %(primary_limit)s."
        ),
        we_do=_(
            "The session goes on. We warn after %(primary_warning)s and raise an alarm"
            " after %(primary_alarm)s; more we cannot do from here."
        ),
        you_do=_(
            "Switch the phone on, connect it to the internet (where WhatsApp is "
            "blocked: with a VPN) and open WhatsApp for a minute. The warning goes "
            "when we see it."
        ),
        avoid=_(
            "Do not keep the phones switched off in a drawer: each needs a minute "
            "online a week."
        ),
    ),
    "stopped_long": Guide(
        meaning=_(
            "The session was stopped or held %(stopped_warning)s ago or more. WhatsApp"
            " unlinks a device that was not online for %(device_limit)s."
        ),
        we_do=_("We only warn: such a phone never connects by itself."),
        you_do=_(
            "Press Start, leave it connected for a few minutes, and press Stop again "
            "if it must rest. If the number is not needed any more, unlink it."
        ),
        avoid=_(
            "Do not let the date pass if the number is needed: linking again needs the"
            " phone and a scan."
        ),
    ),
    "d1": Guide(
        meaning=_(
            "Many messages cannot be decrypted: our keys and those of the senders have"
            " come apart. That happens after a restored backup or when two programs "
            "used the same keys."
        ),
        we_do=_(
            "The session and its keys stay. The library asks the senders for the "
            "messages again, and most chats heal by themselves. The warning comes at "
            "more than %(undecryptable_share)s of the messages."
        ),
        you_do=_(
            "Make sure that no other program uses this number's keys. If the warning "
            "stays for a day, press Restart: the stored keys are checked before each "
            "start."
        ),
        avoid=_(
            "Do not restore older keys and do not unlink in a hurry: both lose more "
            "messages than they save."
        ),
    ),
    "i1": Guide(
        meaning=_(
            "WhatsApp did not answer a question or a message in time. One such case "
            "means little."
        ),
        we_do=_(
            "The message is reported as not confirmed and is not sent again by us. "
            "After %(slow_answers)s slow answers within %(slow_answers_window)s the "
            "session is started anew with the same keys."
        ),
        you_do=_(
            "Look on the phone whether the message arrived before you send it again."
        ),
        avoid=_(
            "Do not send everything a second time: what arrived late arrives twice "
            "then."
        ),
    ),
    "i2": Guide(
        meaning=_(
            "WhatsApp refuses first messages to new people from this number (463); "
            "chats that exist go on. It follows many messages to strangers, or checks "
            "of many numbers."
        ),
        we_do=_(
            "The session stays connected and the phone's page warns. For "
            "%(timelock)s we refuse texts to people who never wrote to this number; "
            "everybody else is answered. WhatsApp does not tell us when it ends: the "
            "first such text afterwards is the trial. A refusal in a chat that exists "
            "concerns that chat alone and limits nothing."
        ),
        you_do=_(
            "Try one message when the time is over; if it is refused, wait three "
            "days, then a week. Answer those who write to you."
        ),
        avoid=_(
            "Do not unlink or link anew: the limit belongs to the number, and a fresh "
            "link makes it stricter."
        ),
    ),
    "i3": Guide(
        meaning=_(
            "WhatsApp refused one message: 429 means too many at once, 479 that the "
            "message itself is not valid."
        ),
        we_do=_(
            "The refusal is reported to whoever sent it; we do not send it again. "
            "After 429 nothing is sent for %(send_pause)s. The session goes on."
        ),
        you_do=_(
            "After 429 send half as fast when the pause is over. After 479 change the "
            "message."
        ),
        avoid=_("Do not repeat the same message at once."),
    ),
    "sending_paused": Guide(
        meaning=_(
            "WhatsApp answered a message with 429: this number sent too many in a "
            "short time. The session is fine and goes on receiving."
        ),
        we_do=_(
            "Nothing is sent for %(send_pause)s: a text that somebody sends meanwhile "
            "is refused at once and not kept. Another 429 starts the pause anew."
        ),
        you_do=_("Send half as fast when the pause is over."),
        avoid=_(
            "Do not unlink or link anew: the limit belongs to the number, and a fresh "
            "link makes it stricter."
        ),
    ),
}
