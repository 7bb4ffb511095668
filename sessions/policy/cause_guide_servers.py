"""Guides to what our own servers, and people, do to a session."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import KEEP_THE_KEYS, Guide

GUIDES = {
    "started": Guide(
        meaning=_("The process of the session has started and is connecting."),
        we_do=_("It has %(online_deadline)s to connect; then a new start follows."),
        you_do=_("Wait a moment."),
        avoid=_("Do not press Restart meanwhile: it begins anew."),
    ),
    "refused": Guide(
        meaning=_(
            "The session's process refused to start, because something about its keys "
            "or its surroundings was not as it must be."
        ),
        we_do=_(
            "It is tried again with growing delays, after %(max_attempts)s starts in a"
            " row one every %(slow_lane)s."
        ),
        you_do=_(
            "Read the reason in the phone's sentence and show it to the server's "
            "administrator."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "l2": Guide(
        meaning=_(
            "The process of the session crashed or was killed. The keys are not "
            "touched by that."
        ),
        we_do=_(
            "A new one is started with growing delays. After %(crash_limit)s crashes "
            "within %(repeat_window)s the phone is held; the history has the first "
            "line of the crash."
        ),
        you_do=_(
            "Nothing for a single one. If it is held, show that line to the server's "
            "administrator, who also looks whether memory ran out; then press Start."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "no_host": Guide(
        meaning=_(
            "No server that runs sessions is alive. The states on the pages are the "
            "last known ones."
        ),
        we_do=_(
            "Sessions end with their server. When one runs again, it starts all phones"
            " that should run; a Link that nobody takes within %(link_claim)s ends."
        ),
        you_do=_(
            "Ask the server's administrator to start the service (manage.py "
            "run_sessions, or manage.py portal on a single server)."
        ),
        avoid=_("Do not scan anything: the keys wait for the server."),
    ),
    "lease_lost": Guide(
        meaning=_(
            "The server could not renew its lease on this phone in time, most often "
            "because the database was away. It ended the session itself, so that it "
            "never runs twice."
        ),
        we_do=_(
            "The first server that can takes the phone, at once and without counting "
            "an attempt. A lease lasts %(lease_ttl)s."
        ),
        you_do=_(
            "Nothing for a single one. If it repeats, ask the administrator about the "
            "database and the network to it."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "host_stopped": Guide(
        meaning=_("The server was stopped in good order and gave the phone back."),
        we_do=_(
            "Another server takes it at once, or the same one when it runs again. No "
            "attempt is counted."
        ),
        you_do=_("Nothing, if another server runs; else start one."),
        avoid=KEEP_THE_KEYS,
    ),
    "moved": Guide(
        meaning=_(
            "A person moved the phone or drained its server, or a server that joined "
            "got its share."
        ),
        we_do=_(
            "The old server closes the connection, then the other one opens it, with "
            "the same keys. No attempt is counted."
        ),
        you_do=_("Nothing: it is connected within seconds."),
        avoid=KEEP_THE_KEYS,
    ),
    "host_lost": Guide(
        meaning=_("The server, or its process, died without giving the phone back."),
        we_do=_(
            "Another server takes the phone when the lease has run out "
            "(%(lease_ttl)s), the same one sooner, and starts it with the saved keys."
        ),
        you_do=_("Nothing for the phone. Ask the administrator why the server died."),
        avoid=_("Do not start a restored copy of the server beside it."),
    ),
    "restarted_by_person": Guide(
        meaning=_("A person pressed Restart."),
        we_do=_(
            "A new process starts at once with the same keys; attempts are counted "
            "anew."
        ),
        you_do=_("Nothing: it is connected within seconds."),
        avoid=_("Do not restart a phone that waits for the end of a ban."),
    ),
    "stopped_by_person": Guide(
        meaning=_("A person pressed Stop. The keys are kept."),
        we_do=_(
            "Nothing runs until somebody presses Start. We warn after "
            "%(stopped_warning)s."
        ),
        you_do=_("Press Start to run it again; no scan is needed."),
        avoid=_(
            "Do not leave it stopped for %(device_limit)s: WhatsApp unlinks it then."
        ),
    ),
    "held_by_person": Guide(
        meaning=_(
            "A person pressed Hold: something about this phone needs a look. The keys "
            "are kept."
        ),
        we_do=_("Nothing runs until somebody presses Start."),
        you_do=_("See in the audit who held it, and ask why. Then press Start."),
        avoid=_("Do not leave it held for %(device_limit)s: WhatsApp unlinks it then."),
    ),
    "number_elsewhere": Guide(
        meaning=_(
            "The same number is run by another entry of this portal, perhaps in "
            "another organization. Two sessions of one number are not allowed here."
        ),
        we_do=_("This one is not started."),
        you_do=_(
            "Agree on who runs the number; stop it in one place and start it in the "
            "other."
        ),
        avoid=_("Do not work around it with a second installation."),
    ),
}
