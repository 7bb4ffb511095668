"""Guides to keys that are gone, and to storage that fails."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import Guide

GUIDES = {
    "l1": Guide(
        meaning=_(
            "A person pressed Unlink here; WhatsApp has removed the device from the "
            "phone's list."
        ),
        we_do=_(
            "The keys are in the quarantine for %(quarantine)s. Nothing runs until "
            "somebody links anew."
        ),
        you_do=_("To use the number again, press Link and scan."),
        avoid=_("Do not try to bring the old keys back: WhatsApp has forgotten them."),
    ),
    "cleared_by_person": Guide(
        meaning=_(
            "A person removed the keys of this number here. WhatsApp was not told: the"
            " phone still lists the device."
        ),
        we_do=_(
            "The keys are in the quarantine for %(quarantine)s. Nothing runs until "
            "somebody links anew."
        ),
        you_do=_(
            "On the phone open WhatsApp > Settings > Linked devices and remove the old"
            " entry. Then press Link and scan."
        ),
        avoid=_(
            "Do not leave the old entry there: it takes one of the %(device_count)s "
            "places."
        ),
    ),
    "keys_cleared": Guide(
        meaning=_(
            "The saved keys of this number were removed from the database (the table "
            "BaileysAuth), so there is nothing to start with."
        ),
        we_do=_(
            "The session was not started and its local file is removed. Nothing is "
            "tried again."
        ),
        you_do=_(
            "Find out who cleared the table. On the phone remove the old entry under "
            "Linked devices; then press Link and scan."
        ),
        avoid=_(
            "Do not restore the table from a backup for a number that ran since: old "
            "keys damage its chats."
        ),
    ),
    "keys_lost": Guide(
        meaning=_(
            "The phone was just being linked when its server died, and the new keys "
            "died with it. The phone may list a device that nobody has the keys of."
        ),
        we_do=_("The linking has ended. Nothing is tried again."),
        you_do=_(
            "On the phone open WhatsApp > Settings > Linked devices and remove the "
            "newest “Switchboard”. Then press Link and scan."
        ),
        avoid=_(
            "Do not leave the dead entry there: it takes one of the %(device_count)s "
            "places."
        ),
    ),
    "l4": Guide(
        meaning=_("No keys are saved for this number, here or in the database."),
        we_do=_("Nothing is started: without keys the client library cannot."),
        you_do=_(
            "Press Link and scan. If the phone lists an old entry of this portal under"
            " Linked devices, remove it first."
        ),
        avoid=_(
            "Do not copy a session file from another server by hand: two copies of one"
            " session throw each other out."
        ),
    ),
    "l3": Guide(
        meaning=_(
            "The storage of the session failed: the disk is full or broken, or the "
            "file is locked by something else. The keys are at risk while it lasts."
        ),
        we_do=_(
            "The session is started once more; if the storage fails again, the phone "
            "is held. The copy of the keys in the database stays as it is."
        ),
        you_do=_(
            "Ask the server's administrator for free space and a sound disk under "
            "DATA_DIR. Then press Start."
        ),
        avoid=_(
            "Do not delete files in DATA_DIR to make room and do not copy session "
            "files around."
        ),
    ),
    "vanished": Guide(
        meaning=_(
            "The device disappeared from the session's file without a logout from "
            "WhatsApp. Something outside changed the file."
        ),
        we_do=_(
            "The phone is held, and the copy of the keys in the database is kept as it"
            " was before."
        ),
        you_do=_(
            "Find out who touched the file (a cleaning script, a second program). Then"
            " press Start: the keys come back from the copy."
        ),
        avoid=_("Do not scan again before you tried Start."),
    ),
    "broken_store": Guide(
        meaning=_(
            "The saved keys are damaged: the check before the start found parts that "
            "do not fit together."
        ),
        we_do=_(
            "The phone is held and nothing is started, so that nothing more is lost. "
            "Nothing is deleted."
        ),
        you_do=_(
            "Ask the server's administrator to look at the disk and at the log. If the"
            " keys cannot be saved, press Clear auth, remove the device on the phone, "
            "and link anew."
        ),
        avoid=_(
            "Do not put an old file back: keys that are older than the last message "
            "damage the chats."
        ),
    ),
    "copy_refilled": Guide(
        meaning=_(
            "Somebody changed the table of the saved keys while the session ran: rows "
            "were deleted, or the table was emptied."
        ),
        we_do=_(
            "The session goes on: it works on a file of its own. The table is compared "
            "with it each minute and when the session ends, and filled again. The "
            "warning goes after a day."
        ),
        you_do=_(
            "Find out who did it. To make a phone scan again press Clear auth: it "
            "ends the session first and keeps the keys for some days."
        ),
        avoid=_(
            "Do not empty the table of a phone that is stopped: nothing fills it again "
            "then, and the phone needs a new scan."
        ),
    ),
    "records_broken": Guide(
        meaning=_(
            "The keys are checked each night and on demand, also while the session "
            "runs. The last check found parts that do not fit together; the session "
            "has not met them yet."
        ),
        we_do=_(
            "The session goes on: ending it could cost the link. The next start checks"
            " again, tries the copy of the keys if the file is broken, and holds the "
            "phone if that is broken, too."
        ),
        you_do=_(
            "Open the auth records of the phone and see which check failed. Have the "
            "phone at hand before you restart the session: it may need a new scan. "
            "Press Check now after a repair; the warning goes when all is well."
        ),
        avoid=_(
            "Do not restart the session or its server before the phone is at hand."
        ),
    ),
    "wrong_realm": Guide(
        meaning=_(
            "The keys belong to the sandbox and this server runs the real WhatsApp, or"
            " the other way round."
        ),
        we_do=_("The phone is held; sandbox and real phones never meet."),
        you_do=_(
            "Ask the server's administrator: a directory or a database of the sandbox "
            "is in use by mistake."
        ),
        avoid=_(
            "Do not clear the keys before that is known: they may be those of a real "
            "phone."
        ),
    ),
}
