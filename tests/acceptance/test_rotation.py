"""AUTH_KEYS are changed while a session writes, and the old key goes for good."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from phones.models import Status
from sessions.models import BaileysAuth
from tests.acceptance.conversation import Conversation, Losses
from tests.acceptance.fleet import Fleet
from tests.processes import manage


def rotate(fleet: Fleet, conversation: Conversation, keys: str) -> int:
    """`manage.py rotate_auth_keys` under traffic; how many values it encrypted."""
    env = fleet.environment(fleet.directory / "web") | {"AUTH_KEYS": keys}
    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(manage, "rotate_auth_keys", "--json", env=env)
        while not done.done():
            conversation.take_turns(1)
    assert done.result().returncode == 0, done.result().stderr
    return int(json.loads(done.result().stdout)["count"])


@pytest.mark.postgresql
def test_a_session_writes_on_and_the_old_key_is_needed_no_more(
    fleet: Fleet, phone, peer
):
    host = fleet.start_host()
    jid = fleet.link(phone)
    assert host.terminate() == 0
    old = fleet.environment(host.directory)["AUTH_KEYS"]
    new = Fernet.generate_key().decode()
    host = fleet.start_host(directory=host.directory, AUTH_KEYS=f"{new},{old}")
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    process = fleet.session_pid(phone)
    conversation = Conversation(fleet.sandbox, phone, peer)
    conversation.take_turns(4)

    assert rotate(fleet, conversation, f"{new},{old}") > 812
    conversation.take_turns(4)
    assert fleet.session_pid(phone) == process
    # What was written meanwhile had the new key already.
    assert rotate(fleet, conversation, f"{new},{old}") == 0
    assert host.terminate() == 0
    for value in BaileysAuth.objects.values_list("value", flat=True):
        Fernet(new).decrypt(value)

    # Another server, with nothing but the database and the new key.
    fleet.start_host("two", AUTH_KEYS=new)
    fleet.wait_logins([jid], 3)
    fleet.wait_status(phone, Status.CONNECTED)
    conversation.take_turns(4)
    sent = len(conversation.asked)
    assert sent > 12
    assert conversation.to_peer() == conversation.to_phone() == Losses(sent, 0, 0)
    env = fleet.environment(fleet.directory / "three") | {"AUTH_KEYS": old}
    refused = manage("run_sessions", "--host-name", "three", env=env)
    assert refused.returncode == 1
    assert "AUTH_KEYS does not fit this database" in refused.stderr
