"""Guides to connections that drop, fall silent or cannot be made."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from sessions.policy.cause_guide import KEEP_THE_KEYS, Guide

GUIDES = {
    "s1": Guide(
        meaning=_(
            "WhatsApp asked for a new connection (515). It does so after each linking;"
            " later it is rare and harmless."
        ),
        we_do=_(
            "The library connects again at once. If it is not connected within "
            "%(online_deadline)s, a new process is started with the same keys."
        ),
        you_do=_("Nothing."),
        avoid=_(
            "Do not scan a second time: the linking is already done, and a second scan"
            " takes another of the %(device_count)s places."
        ),
    ),
    "s2": Guide(
        meaning=_("A server of WhatsApp is restarted (503) and sent us away."),
        we_do=_(
            "The library connects again by itself for %(ride)s; then a new process is "
            "started with the same keys, with growing delays of at most %(max_delay)s."
        ),
        you_do=_("Nothing: it passes."),
        avoid=KEEP_THE_KEYS,
    ),
    "s3": Guide(
        meaning=_(
            "WhatsApp closed the connection with a number that has no name of its own."
            " Sometimes a logout follows."
        ),
        we_do=_(
            "The session connects again, which also shows whether the device is still "
            "linked. After %(stream_error_limit)s of them within %(repeat_window)s the"
            " phone is held."
        ),
        you_do=_(
            "If it is held, open WhatsApp on the phone and check that this device is "
            "still listed under Linked devices. Then press Start."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "s4": Guide(
        meaning=_(
            "WhatsApp did not understand something we sent and closed the connection. "
            "Baileys calls this “badSession”, which is wrong: the session is intact."
        ),
        we_do=_(
            "The session connects again. After %(stream_error_limit)s of them within "
            "%(repeat_window)s a new process takes its place, with the same keys."
        ),
        you_do=_(
            "If it comes back with the same message, stop sending that message: its "
            "text or its recipient is the trouble."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "n1": Guide(
        meaning=_(
            "The connection to WhatsApp was closed by the network or by WhatsApp. It "
            "happens to every session now and then."
        ),
        we_do=_(
            "The library connects again by itself for %(ride)s. Then a new process is "
            "started, with growing delays of at most %(max_delay)s; after "
            "%(max_attempts)s starts in a row one every %(slow_lane)s."
        ),
        you_do=_(
            "Nothing, if it comes back within minutes. If one phone drops often, "
            "compare it with others on the same server; if all drop, look at the "
            "server's network."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "n2": Guide(
        meaning=_(
            "The connection looks open, but WhatsApp does not answer. The phone is "
            "shown as unproven after %(proof_age)s without an answer."
        ),
        we_do=_(
            "The library forces a new connection by itself; after %(silence)s of "
            "silence we start a new process."
        ),
        you_do=_(
            "Nothing at first. If it repeats, look at the server's network, above all "
            "at firewalls that forget quiet connections."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "n3": Guide(
        meaning=_(
            "The server cannot reach WhatsApp: the name is not found, the connection "
            "is refused, the proxy or TLS fails, or nobody answers. WhatsApp has not "
            "seen the attempt."
        ),
        we_do=_(
            "It is tried again for ever, at most %(max_delay)s apart, and counts as no"
            " attempt of the phone. A phone with a proxy never connects without it."
        ),
        you_do=_(
            "Read the word in brackets in the phone's sentence: it says where to look "
            "(DNS, firewall, proxy, certificates). Phones come back by themselves when"
            " the network does."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "n4": Guide(
        meaning=_(
            "No phone of the server reaches WhatsApp: its network, its proxy or its "
            "country blocks WhatsApp."
        ),
        we_do=_(
            "It is one incident for all phones: they wait, their attempts are not "
            "counted, and one phone every %(incident_probe)s tries. On its success the"
            " others follow."
        ),
        you_do=_(
            "Look at the server's network and country. Give it a way out through a "
            "proxy or run the host in another country."
        ),
        avoid=KEEP_THE_KEYS,
    ),
    "flapping": Guide(
        meaning=_(
            "The session came back %(flaps)s times within %(flap_window)s and was lost"
            " again. WhatsApp may take such a coming and going for abuse."
        ),
        we_do=_("It pauses for %(flap_pause)s and then starts by itself."),
        you_do=_(
            "Look in the history at what ended it before: that is the real cause. Ask "
            "whether the phone is linked in another program, too."
        ),
        avoid=_(
            "Do not press Start to shorten the pause before the cause is found: it "
            "begins anew."
        ),
    ),
    "hung": Guide(
        meaning=_(
            "The process of the session stopped telling us that it lives, or an old "
            "one did not let go of its files."
        ),
        we_do=_(
            "After %(heartbeats)s of silence it is ended by force and a new one is "
            "started with the same keys."
        ),
        you_do=_(
            "Nothing for a single one. If it happens to many, the server is short of "
            "processor or memory: see the page of servers."
        ),
        avoid=KEEP_THE_KEYS,
    ),
}
