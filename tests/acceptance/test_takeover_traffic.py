"""A server that burns down under traffic: what its second costs, measured."""

from __future__ import annotations

import shutil
import time

import pytest

from phones.models import Status
from tests.acceptance.conversation import EVERY, Conversation, Losses
from tests.acceptance.fleet import Fleet
from tests.acceptance.logins import last_gap, logins_of

MOST_LOST = 5  # the texts of the second that the copy may lag behind
# Until the two have agreed on a new Signal session, beside what waited for the phone.
MOST_RETRIED = 15
TRAFFIC = {"message", "receipt"}
QUIET = 2.0


def is_quiet(fleet: Fleet) -> bool:
    """For a moment there was no text, and nobody asked for one again."""
    told = [e["at"] for e in fleet.sandbox.events() if e["kind"] in TRAFFIC]
    return time.time() - max(told) > QUIET


def few_lost(conversation: Conversation) -> tuple[Losses, Losses] | None:
    """Both directions once no more is lost than may be: the rest was on its way."""
    both = conversation.to_peer(), conversation.to_phone()
    return None if any(one.lost > MOST_LOST for one in both) else both


@pytest.mark.postgresql
def test_a_second_server_without_any_file_goes_on(fleet: Fleet, phone, peer, report):
    fleet.settings |= {
        "WHATSAPP_LEASE_TTL": "4",
        "WHATSAPP_LEASE_RENEW": "0.5",
        "WHATSAPP_LEASE_MARGIN": "1",
    }
    one = fleet.start_host("one")
    jid = fleet.link(phone)
    fleet.start_host("two")
    conversation = Conversation(fleet.sandbox, phone, peer)
    conversation.talk(5)
    one.kill_all()
    shutil.rmtree(one.directory)
    conversation.talk(3)
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    # The library may give a text that is sent again and a new one the same counter
    # (see tests/sandbox/test_drills.py): more is lost then, and sent again, and so on.
    fleet.wait(lambda: is_quiet(fleet), "the end of what is sent again", 60)
    conversation.talk(4)
    fleet.wait(conversation.is_settled, "the last results", 15)

    there, back = fleet.wait(lambda: few_lost(conversation), "the last texts")
    keys = fleet.sandbox.prekeys(phone.phone_number, 1)
    again = len(keys["uploaded"]) - len(set(keys["uploaded"]))
    away = last_gap(logins_of(fleet.sandbox)[phone.phone_number]).seconds
    report(
        f"server lost under traffic, {away:.1f} s away: of ours {there}; to us {back}; "
        f"prekey ids uploaded again {again}"
    )
    assert min(there.sent, back.sent) > 30
    for losses in (there, back):
        assert losses.undecryptable <= MOST_RETRIED + away / EVERY
    assert again == 0
    assert len(keys["consumed"]) == len(set(keys["consumed"]))
    assert fleet.device(jid)["double_logins"] == 0
