"""What Baileys gets back of a store that was in use."""

from __future__ import annotations

import copy
import json
import random

import pytest

from sessions.auth.rows import Text
from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.to_whatsmeow import convert
from tests.baileys_records.made_up import NUMBER, made_up_phone
from tests.baileys_records.made_up_signal import sender_key_record, session_record
from tests.baileys_records.strategies import text

OWN_LID = "188877766655544"
CONTACT, CONTACT_LID = "77012345678", "199988877766655"
GROUP = "120363041234567890@g.us"


@pytest.fixture
def phone():
    return made_up_phone(sessions=0, sender_keys=0, lid=OWN_LID)


@pytest.fixture
def carry(phone):
    """Takes one contact's session to whatsmeow; (all rows, its record)."""

    def carry(**options):
        record = session_record(random.Random("contact"), **options)
        phone.rows[f"session-{CONTACT}.0"] = record
        rows = convert(phone, lid_map={}).rows
        (row,) = (
            row
            for _, row in rows
            if row.get("their_id") == f"{CONTACT}:0".encode()
            if "session" in row
        )
        return rows, row

    return carry


def state_of(row):
    return json.loads(row["session"])["SessionState"]


def write(row, **changes):
    document = json.loads(row["session"])
    document["SessionState"] |= changes
    row["session"] = json.dumps(document).encode()


def entry(back):
    (found,) = back.rows[f"session-{CONTACT}.0"]["_sessions"].values()
    return found


def test_an_answered_session_is_the_contacts(carry):
    rows, row = carry()
    write(row, PreviousCounter=2**32 - 1)
    found = entry(convert_back(rows, base=None))
    assert found["indexInfo"]["baseKeyType"] == 2
    assert found["currentRatchet"]["previousCounter"] == -1
    last = state_of(row)["ReceiverChains"][-1]["SenderRatchetKeyPublic"]
    assert found["currentRatchet"]["lastRemoteEphemeralKey"] == last
    assert "pendingPreKey" not in found


def test_of_an_unanswered_one_the_idle_chain_is_left_out(carry, phone):
    rows, row = carry(pending=True)
    was = phone.rows[f"session-{CONTACT}.0"]
    signed_prekey = text(b"\x05" + bytes(range(32)))
    write(
        row,
        ReceiverChains=[
            {
                "SenderRatchetKeyPublic": signed_prekey,
                "SenderRatchetKeyPrivate": None,
                "ChainKey": {"Key": text(bytes(32)), "Index": 0},
                "MessageKeys": [],
            }
        ],
    )
    found = entry(convert_back(rows, base=None))
    assert found["indexInfo"]["baseKeyType"] == 1
    assert found["currentRatchet"]["lastRemoteEphemeralKey"] == signed_prekey
    ((public, chain),) = found["_chains"].items()
    assert public == found["currentRatchet"]["ephemeralKeyPair"]["pubKey"]
    assert chain["chainType"] == 1
    ((_, before),) = was["_sessions"].items()
    assert found["pendingPreKey"] == before["pendingPreKey"]


def test_a_seed_that_is_of_another_key_is_not_given_back(carry, phone):
    rows, _ = carry()
    base = copy.deepcopy(phone.rows)
    (state,) = base[f"session-{CONTACT}.0"]["_sessions"].values()
    live = state["_chains"][state["currentRatchet"]["lastRemoteEphemeralKey"]]
    live["messageKeys"]["1"] = text(bytes(32))
    back = convert_back(rows, base=base)
    assert back.lost == {"message-key": 1}
    found = entry(back)["_chains"][state["currentRatchet"]["lastRemoteEphemeralKey"]]
    assert found["messageKeys"] == {"2": live["messageKeys"]["2"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"LocalIdentityPublic": text(b"\x05" + bytes(32))},
        {"SessionVersion": 2},
        {"SenderChain": None},
    ],
)
def test_a_session_that_is_not_ours_or_broken_is_lost(carry, changes):
    rows, row = carry()
    write(row, **changes)
    back = convert_back(rows, base=None)
    assert back.lost["session"] == 1
    assert f"session-{CONTACT}.0" not in back.rows


@pytest.mark.parametrize("lid_first", [True, False])
def test_of_two_records_of_one_contact_that_of_the_lid_counts(carry, lid_first):
    rows, row = carry()
    by_lid = row | {"their_id": Text(f"{CONTACT_LID}_1:0".encode())}
    write(by_lid, RootKey=text(b"l" * 32))
    mapping = {"lid": Text(CONTACT_LID.encode()), "pn": Text(CONTACT.encode())}
    added = [("whatsmeow_sessions", by_lid), ("whatsmeow_lid_map", mapping)]
    rows = [rows[0], *added, *rows[1:]] if lid_first else [*rows, *added]
    back = convert_back(rows, base=None)
    for user in (CONTACT, CONTACT_LID):
        (found,) = back.rows[f"session-{user}.0"]["_sessions"].values()
        assert found["currentRatchet"]["rootKey"] == text(b"l" * 32)


# -- groups and app state -------------------------------------------------------------


def with_sender_key(phone, sender, seed):
    phone.rows[f"sender-key-{GROUP}::199988877766655::3"] = sender_key_record(
        random.Random(seed)
    )
    rows = convert(phone, lid_map={}).rows
    (row,) = (row for _, row in rows if "sender_key" in row)
    row["sender_id"] = Text(sender.encode())
    return rows, row


def sender_keys(rows):
    found = convert_back(rows, base=None).rows
    return {key: value for key, value in found.items() if key.startswith("sender-key-")}


@pytest.mark.parametrize("sender", [f"{NUMBER}:12", f"{OWN_LID}_1:12"])
def test_our_own_sender_key_stays(phone, sender):
    rows, _ = with_sender_key(phone, sender, 1)
    assert sender_keys(rows) == {}


def test_a_sender_key_that_we_sign_with_stays(phone):
    rows, row = with_sender_key(phone, "199988877766655_1:3", 1)
    record = json.loads(row["sender_key"])
    record["SenderKeyStates"][0]["SigningKeyPrivate"] = text(bytes(32))
    row["sender_key"] = json.dumps(record).encode()
    assert sender_keys(rows) != {}
    record["SenderKeyStates"][0]["SigningKeyPrivate"] = text(b"p" * 32)
    row["sender_key"] = json.dumps(record).encode()
    assert sender_keys(rows) == {}


def test_the_newest_state_of_a_sender_is_baileys_last(phone):
    rows, row = with_sender_key(phone, "199988877766655_1:3", 1)
    record = json.loads(row["sender_key"])
    record["SenderKeyStates"].append(record["SenderKeyStates"][0] | {"KeyID": 5})
    newest = record["SenderKeyStates"][0]["KeyID"]
    row["sender_key"] = json.dumps(record).encode()
    (value,) = sender_keys(rows).values()
    assert [state["senderKeyId"] for state in json.loads(value)] == [5, newest]


def test_the_newest_key_of_the_app_state_is_the_current_one(phone):
    rows = convert(phone, lid_map={}).rows
    (row,) = (row for _, row in rows if "key_data" in row)
    newer = row | {"key_id": b"\x00\x01", "timestamp": row["timestamp"] + 1}
    older = row | {"key_id": b"\x00\x02", "timestamp": row["timestamp"] - 1}
    rows += [("whatsmeow_app_state_sync_keys", one) for one in (newer, older)]
    creds = convert_back(rows, base=None).rows["creds"]
    assert creds["myAppStateKeyId"] == text(b"\x00\x01")
