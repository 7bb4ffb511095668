"""Texts of the catalogue of causes; the Russian ones are in locale/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# One sentence for the operator: what happened, and what to do if anything.
SENTENCES: dict[str, _StrPromise] = {
    "u1": _("The device was unlinked on the phone or by WhatsApp; scan a new QR code."),
    "u2": _("WhatsApp unlinked this device while it was offline; scan a new QR code."),
    "u3": _(
        "WhatsApp locked the account or it was moved to another phone; open "
        "WhatsApp on the phone and check it before linking again."
    ),
    "u4": _(
        "WhatsApp has most likely banned this number; check the phone and "
        "appeal there, linking again will not help."
    ),
    "u5": _(
        "WhatsApp rejected the device right after linking; wait until Link opens "
        "again, update WhatsApp on the phone and try once more."
    ),
    "b1": _(
        "Temporary ban until %(time)s: too many messages to people who do not "
        "have this number saved; everything resumes automatically."
    ),
    "b2": _(
        "Temporary ban until %(time)s: too many recipients blocked or reported "
        "this number."
    ),
    "b3": _(
        "Temporary ban until %(time)s: too many groups were created with people"
        " who do not know this number."
    ),
    "b4": _("Temporary ban until %(time)s: the same text was sent to too many people."),
    "b5": _("Temporary ban until %(time)s: too many broadcast messages."),
    "b6": _(
        "Temporary ban, WhatsApp gave a reason we do not know; the next attempt"
        " is at %(time)s."
    ),
    "r1": _(
        "Another program is using the same session; make sure the old server is"
        " off, then press Start."
    ),
    "o1": _(
        "WhatsApp no longer accepts this version of the software; all numbers "
        "wait for an update, no scan is needed."
    ),
    "f1": _(
        "WhatsApp refused the connection (code %(code)s); we will retry at %(time)s."
    ),
    "f2": _(
        "WhatsApp refused the connection with an unknown code; we will retry at"
        " %(time)s."
    ),
    "f3": _("WhatsApp servers are overloaded; we are reconnecting."),
    "s1": _(
        "WhatsApp asked for a restart of the connection; this is normal after linking."
    ),
    "s2": _("A WhatsApp server is restarting; we are reconnecting."),
    "s3": _(
        "WhatsApp closed the stream with code %(code)s; we are checking whether"
        " the device is still linked."
    ),
    "s4": _(
        "WhatsApp did not understand a message we sent and closed the "
        "connection; the session is intact, we are reconnecting."
    ),
    "n1": _(
        "The connection dropped; we are reconnecting, the link to the phone is intact."
    ),
    "n2": _(
        "WhatsApp has not answered for %(seconds)s s; if it stays silent, the session "
        "is started anew."
    ),
    "n3": _(
        "The server cannot reach WhatsApp (%(detail)s); the next attempt is at "
        "%(time)s."
    ),
    "n4": _(
        "WhatsApp is unreachable for all numbers; check the server's network, "
        "country and proxy."
    ),
    "q1": _('The QR code expired; press "New code" when the phone is in your hand.'),
    "q2": _('Linking failed on our side; press "New code" and scan again.'),
    "q3": _("Update WhatsApp on the phone and scan the same code again."),
    "q4": _(
        "WhatsApp asks this account for a passkey, which this server cannot "
        "confirm; see the passkey instructions."
    ),
    "q5": _(
        "Number %(actual)s was linked instead of %(expected)s; it has been "
        "unlinked, scan with the right phone."
    ),
    "q6": _("WhatsApp did not issue a pairing code (%(reason)s); use the QR code."),
    "i1": _("WhatsApp answered too slowly; whether the message was sent is not known."),
    "i2": _(
        "WhatsApp has restricted starting new chats from this number; replies still "
        "work, write to nobody new until %(time)s."
    ),
    "i3": _("WhatsApp refused this message (%(code)s); the session is fine."),
    "sending_paused": _(
        "WhatsApp says that this number sends too much; nothing is sent until %(time)s."
    ),
    "l1": _("Unlinked by %(user)s in the portal."),
    "l2": _("The session process crashed and was restarted; no scan is needed."),
    "l3": _(
        "The session storage reported an error; look at the disk of the server, no "
        "scan is needed."
    ),
    "l4": _("No saved session for this number; scan a QR code."),
    "p1": _(
        "The phone has not been online for %(days)s days; open WhatsApp on it "
        "before %(date)s or all linked devices will be logged out."
    ),
    "d1": _(
        "Many incoming messages cannot be decrypted; do not unlink, most chats heal by "
        "themselves."
    ),
    "stopped_long": _(
        "The session has not run for %(days)s days; start it before %(date)s, or "
        "WhatsApp unlinks the device."
    ),
    "started": _("The session is starting."),
    "refused": _("The session refused to start (%(reason)s)."),
    "hung": _(
        "The session process stopped answering and was restarted; no scan is needed."
    ),
    "flapping": _(
        "The connection drops too often; we pause until %(time)s so that "
        "WhatsApp does not take it for abuse."
    ),
    "no_host": _("No server is running sessions; start `manage.py run_sessions`."),
    "lease_lost": _(
        "The server lost its lease on this number and ended the session in "
        "time; it comes back by itself."
    ),
    "host_stopped": _(
        "The server that ran the session was stopped and handed it over; "
        "another one continues, no scan is needed."
    ),
    "moved": _(
        "The session goes to another server, by a person's wish or to share the "
        "phones; it is connected again within seconds."
    ),
    "host_lost": _(
        "The server that ran the session died without handing it over; it comes back "
        "by itself, no scan is needed."
    ),
    "restarted_by_person": _("Restarted by a person; no scan is needed."),
    "stopped_by_person": _("Stopped by a person; press Start to run it again."),
    "held_by_person": _("Held by a person; press Start when it may run again."),
    "number_elsewhere": _(
        "This number is run elsewhere in this portal; only one of the two may run."
    ),
    "vanished": _(
        "The session's keys vanished from its file without a logout; the saved "
        "copy is kept, press Start to use it."
    ),
    "broken_store": _(
        "The session's storage is damaged (%(reason)s); it was not started so "
        "that nothing more is lost."
    ),
    "copy_refilled": _(
        "%(rows)s rows of the saved keys had been deleted or added by hand in the "
        "database; they were put right from the running session."
    ),
    "records_broken": _(
        "The check of the saved keys failed (%(reason)s); a session that runs goes on, "
        "but it may not start again."
    ),
    "wrong_realm": _(
        "The session's keys belong to the other realm (sandbox or real "
        "WhatsApp); it was not started."
    ),
    "keys_cleared": _(
        "The saved keys of this number were cleared; scan a new QR code."
    ),
    "cleared_by_person": _(
        "Cleared by %(user)s; remove the old device on the phone and scan a new"
        " QR code."
    ),
    "wrong_number_kept": _(
        "Number %(actual)s was linked instead of %(expected)s and could not be "
        "unlinked; remove the device in WhatsApp on that phone, then scan with the "
        "right one."
    ),
    "keys_lost": _(
        "The keys were lost together with their server; remove the device in "
        "WhatsApp on the phone and scan a new QR code."
    ),
    "pairing_interrupted": _(
        'The server stopped before the code was scanned; press "New code".'
    ),
    "imported": _(
        "Taken over from Baileys; it connects without a scan as soon as a server "
        "runs. If it stays stopped, press Start once the old server is off."
    ),
    "not_imported": _(
        "Its session could not be taken over from Baileys (%(reason)s); scan a QR code."
    ),
    "exported": _(
        "Given back to Baileys at %(time)s; to run it here again, stop the Baileys "
        "server and import it anew."
    ),
}

# Two or three words for lists and the legends of charts.
TITLES: dict[str, _StrPromise] = {
    "u1": _("unlinked"),
    "u2": _("unlinked while offline"),
    "u3": _("account locked or moved"),
    "u4": _("number banned"),
    "u5": _("rejected after linking"),
    "b1": _("ban: strangers"),
    "b2": _("ban: reported"),
    "b3": _("ban: groups"),
    "b4": _("ban: same text"),
    "b5": _("ban: broadcasts"),
    "b6": _("ban: unknown reason"),
    "r1": _("replaced by another program"),
    "o1": _("version refused"),
    "f1": _("connection refused"),
    "f2": _("refused, unknown code"),
    "f3": _("servers overloaded"),
    "s1": _("restart asked"),
    "s2": _("server restart"),
    "s3": _("stream closed"),
    "s4": _("message not understood"),
    "n1": _("connection dropped"),
    "n2": _("no answer to keepalive"),
    "n3": _("WhatsApp not reachable"),
    "n4": _("not reachable for all"),
    "q1": _("QR expired"),
    "q2": _("linking failed"),
    "q3": _("phone too old"),
    "q4": _("passkey asked"),
    "q5": _("wrong number scanned"),
    "q6": _("no pairing code"),
    "i1": _("slow answer"),
    "i2": _("new chats restricted"),
    "i3": _("message refused"),
    "sending_paused": _("sending paused"),
    "l1": _("unlinked in the portal"),
    "l2": _("process crashed"),
    "l3": _("storage error"),
    "l4": _("no saved session"),
    "p1": _("phone not online"),
    "d1": _("messages not decrypted"),
    "stopped_long": _("stopped for long"),
    "started": _("starting"),
    "refused": _("refused to start"),
    "hung": _("process hung"),
    "flapping": _("too many drops"),
    "no_host": _("no server"),
    "lease_lost": _("lease lost"),
    "host_stopped": _("server stopped"),
    "moved": _("moved to another server"),
    "host_lost": _("server died"),
    "restarted_by_person": _("restarted by a person"),
    "stopped_by_person": _("stopped by a person"),
    "held_by_person": _("held by a person"),
    "number_elsewhere": _("run elsewhere"),
    "vanished": _("keys vanished"),
    "broken_store": _("storage damaged"),
    "copy_refilled": _("saved keys put right"),
    "records_broken": _("saved keys broken"),
    "wrong_realm": _("wrong realm"),
    "keys_cleared": _("keys cleared"),
    "cleared_by_person": _("cleared by a person"),
    "wrong_number_kept": _("wrong number still linked"),
    "keys_lost": _("keys lost"),
    "pairing_interrupted": _("linking interrupted"),
    "imported": _("taken over from Baileys"),
    "not_imported": _("not taken over"),
    "exported": _("given back to Baileys"),
}

# Why a server cannot reach WhatsApp: the `detail` of n3.
NETWORK_WORDS: dict[str, _StrPromise] = {
    "dns": _("the name is not resolved"),
    "refused": _("the connection is refused"),
    "tls": _("TLS error"),
    "proxy": _("proxy error"),
    "timeout": _("no answer"),
    "other": _("network error"),
}
