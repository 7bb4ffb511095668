"""A server that burns down under traffic: what its second costs, measured."""

from __future__ import annotations

import shutil

import pytest

from phones.models import Status
from tests.acceptance.conversation import EVERY, Conversation
from tests.acceptance.fleet import Fleet
from tests.acceptance.logins import last_gap, logins_of

MOST_LOST = 5  # the texts of the second that the copy may lag behind
# Until the two have agreed on a new Signal session, beside what waited for the phone.
MOST_RETRIED = 15


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
    conversation.talk(4)
    fleet.wait(conversation.is_settled, "the last results", 15)

    there, back = conversation.to_peer(), conversation.to_phone()
    keys = fleet.sandbox.prekeys(phone.phone_number, 1)
    again = len(keys["uploaded"]) - len(set(keys["uploaded"]))
    away = last_gap(logins_of(fleet.sandbox)[phone.phone_number]).seconds
    report(
        f"server lost under traffic, {away:.1f} s away: of ours {there}; to us {back}; "
        f"prekey ids uploaded again {again}"
    )
    assert min(there.sent, back.sent) > 30
    for losses in (there, back):
        assert losses.lost <= MOST_LOST
        assert losses.undecryptable <= MOST_RETRIED + away / EVERY
    assert again == 0
    assert len(keys["consumed"]) == len(set(keys["consumed"]))
    assert fleet.device(jid)["double_logins"] == 0
