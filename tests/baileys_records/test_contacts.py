"""One contact's records: under its number, its LID or both; whole or broken."""

from __future__ import annotations

import copy
import json
import random
from datetime import timedelta

import pytest

from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.to_whatsmeow import convert
from tests.baileys_records.made_up import LINKED_AT, NUMBER, made_up_phone
from tests.baileys_records.made_up_signal import sender_key_record, session_record
from tests.baileys_records.strategies import text

OWN_LID = "188877766655544"
CONTACT, CONTACT_LID = "77012345678", "199988877766655"
GROUP = "120363041234567890@g.us"


def record(seed, *, used=1_772_500_000_000, **options):
    rng = random.Random(seed)
    identity = options.pop("identity", b"\x05" + rng.randbytes(32))
    made = session_record(rng, remote_identity=identity, **options)
    for state in made["_sessions"].values():
        state["indexInfo"]["used"] = used
    return made


def phone_with(rows, **options):
    phone = made_up_phone(sessions=0, sender_keys=0, **options)
    phone.rows |= rows
    return phone


def sessions(conversion):
    return {
        row["their_id"].decode(): json.loads(row["session"])["SessionState"]
        for table, row in conversion.rows
        if table == "whatsmeow_sessions" and not row["their_id"].startswith(OWN)
    }


OWN = NUMBER.encode()


def root_key(made):
    (state,) = made["_sessions"].values()
    return state["currentRatchet"]["rootKey"]


def test_a_number_with_a_known_lid_goes_under_the_lid():
    phone = phone_with({f"session-{CONTACT}.3": record("a")})
    conversion = convert(phone, lid_map={CONTACT: CONTACT_LID, "77770000000": "1" * 15})
    assert list(sessions(conversion)) == [f"{CONTACT_LID}_1:3"]
    lids = [row for table, row in conversion.rows if table == "whatsmeow_lid_map"]
    assert lids == [{"lid": CONTACT_LID.encode(), "pn": CONTACT.encode()}]
    assert CONTACT not in conversion.missing_lids


def test_a_number_without_one_stays_and_is_named():
    phone = phone_with({f"session-{CONTACT}.3": record("a")}, lid=OWN_LID)
    conversion = convert(phone, lid_map={})
    assert list(sessions(conversion))[-1] == f"{CONTACT}:3"
    assert conversion.missing_lids == [CONTACT]


@pytest.mark.parametrize(
    "rows",
    [
        {f"lid-mapping-{CONTACT}": CONTACT_LID},
        {f"lid-mapping-{CONTACT_LID}_reverse": CONTACT},
    ],
)
def test_baileys_own_mapping_is_used(rows):
    phone = phone_with({f"session-{CONTACT}.0": record("a")} | rows)
    assert list(sessions(convert(phone, lid_map={}))) == [f"{CONTACT_LID}_1:0"]


def test_what_a_person_gave_is_trusted_more_than_the_rows():
    phone = phone_with(
        {
            f"session-{CONTACT}.0": record("a"),
            f"lid-mapping-{CONTACT}": "155544433322211",
        }
    )
    conversion = convert(phone, lid_map={CONTACT: CONTACT_LID})
    assert list(sessions(conversion)) == [f"{CONTACT_LID}_1:0"]


def test_two_addresses_of_one_identity_are_one_person():
    identity = b"\x05" + bytes(range(32))
    older = record("a", identity=identity, used=1)
    newer = record("b", identity=identity, used=2)
    for by_number, by_lid in ((older, newer), (newer, older)):
        phone = phone_with(
            {
                f"session-{CONTACT}.0": by_number,
                f"session-{CONTACT_LID}.0": by_lid,
            }
        )
        conversion = convert(phone, lid_map={})
        (address, state), *others = sessions(conversion).items()
        assert (address, others) == (f"{CONTACT_LID}_1:0", [])
        assert state["RootKey"] == root_key(newer)


def test_a_number_that_was_changed_does_not_take_the_lid_of_the_other():
    identity = b"\x05" + bytes(range(32))
    phone = phone_with(
        {
            f"session-{user}.0": record(user, identity=identity)
            for user in (CONTACT, "77019999999", CONTACT_LID)
        }
    )
    conversion = convert(phone, lid_map={})
    assert {CONTACT, "77019999999"} < set(conversion.missing_lids)


def test_of_two_copies_of_a_session_the_farther_sending_chain_is_kept():
    """Baileys sent by number and received by LID: no message number is used twice."""
    received = record("a", used=2)
    sent = copy.deepcopy(received)
    ((_, state),) = sent["_sessions"].items()
    state["indexInfo"]["used"] = 1
    own = state["currentRatchet"]["ephemeralKeyPair"]["pubKey"]
    state["_chains"][own]["chainKey"]["counter"] += 40
    phone = phone_with(
        {f"session-{CONTACT}.0": sent, f"session-{CONTACT_LID}.0": received}
    )
    (found,) = sessions(convert(phone, lid_map={CONTACT: CONTACT_LID})).values()
    assert (
        found["SenderChain"]["ChainKey"]["Index"]
        == state["_chains"][own]["chainKey"]["counter"] + 1
    )


def test_back_a_contact_stands_under_both_addresses():
    phone = phone_with(
        {
            f"session-{CONTACT}.2": record("a"),
            f"sender-key-{GROUP}::{CONTACT}::2": sender_key_record(random.Random(1)),
        },
        lid=OWN_LID,
    )
    there = convert(phone, lid_map={CONTACT: CONTACT_LID})
    rows = convert_back(there.rows, base=phone.rows).rows
    assert rows[f"session-{CONTACT}.2"] == rows[f"session-{CONTACT_LID}.2"]
    names = [key for key in rows if key.startswith("sender-key-")]
    assert names == [
        f"sender-key-{GROUP}::{user}::2" for user in sorted((CONTACT, CONTACT_LID))
    ]
    assert rows[f"lid-mapping-{CONTACT}"] == CONTACT_LID
    assert rows[f"session-{NUMBER}.0"] == rows[f"session-{OWN_LID}.0"]


def without(path):
    def spoil(state):
        *inside, name = path
        for step in inside:
            state = state[step]
        del state[name]

    return spoil


def closed(state):
    state["indexInfo"]["closed"] = 1_772_500_000_000


def foreign_ratchet(state):
    state["currentRatchet"]["ephemeralKeyPair"]["privKey"] = "A" * 43 + "="


def dead_chain(state):
    own = state["currentRatchet"]["ephemeralKeyPair"]["pubKey"]
    del state["_chains"][own]["chainKey"]["key"]


@pytest.mark.parametrize(
    "spoil",
    [
        closed,
        foreign_ratchet,
        dead_chain,
        without(["currentRatchet", "rootKey"]),
        without(["indexInfo", "remoteIdentityKey"]),
        without(["registrationId"]),
        without(["_chains"]),
    ],
)
def test_a_broken_session_costs_its_contact_alone(spoil):
    broken = record("a")
    (state,) = broken["_sessions"].values()
    spoil(state)
    phone = phone_with(
        {f"session-{CONTACT}.0": broken, f"session-{CONTACT_LID}.0": record("b")}
    )
    conversion = convert(phone, lid_map={})
    assert list(sessions(conversion)) == [f"{CONTACT_LID}_1:0"]
    assert conversion.lost == {"session": 1}


def test_a_session_with_the_phone_before_it_was_reinstalled_is_left_out():
    phone = phone_with({f"session-{NUMBER}.0": record("another phone")})
    conversion = convert(phone, lid_map={})
    assert conversion.lost == {"session": 1}
    (identity,) = (
        row["identity"]
        for table, row in conversion.rows
        if table == "whatsmeow_identity_keys"
    )
    assert identity == conversion.rows[0][1]["adv_account_sig_key"]


def test_older_states_and_rows_of_an_earlier_link_are_left_behind():
    old, new = f"session-{CONTACT}.0", f"session-{CONTACT}.1"
    phone = phone_with({old: record("a"), new: record("b", closed=True)})
    phone.updated[old] = LINKED_AT - timedelta(hours=2)
    phone.updated[new] = LINKED_AT - timedelta(minutes=50)  # clocks differ
    conversion = convert(phone, lid_map={})
    assert list(sessions(conversion)) == [f"{CONTACT}:1"]
    assert conversion.lost == {"leftover": 1, "closed-state": 1}


def test_only_the_five_newest_receiving_chains_are_kept():
    made = record("a")
    (state,) = made["_sessions"].values()
    rng = random.Random(7)
    older = {
        public: {
            "chainKey": {"counter": 9},
            "chainType": 2,
            "messageKeys": {"4": "A" * 43 + "=", "6": "A" * 43 + "="},
        }
        for public in (text(b"\x05" + rng.randbytes(32)) for _ in range(4))
    }
    state["_chains"] = older | state["_chains"]
    conversion = convert(phone_with({f"session-{CONTACT}.0": made}), lid_map={})
    (found,) = sessions(conversion).values()
    assert len(found["ReceiverChains"]) == 5
    live = state["currentRatchet"]["lastRemoteEphemeralKey"]
    assert found["ReceiverChains"][-1]["SenderRatchetKeyPublic"] == live
    assert conversion.lost == {"message-key": 2}


def test_the_live_receiving_chain_is_the_last_one_wherever_it_stood():
    made = record("a")
    (state,) = made["_sessions"].values()
    live = state["currentRatchet"]["lastRemoteEphemeralKey"]
    state["_chains"] = {live: state["_chains"].pop(live)} | state["_chains"]
    conversion = convert(phone_with({f"session-{CONTACT}.0": made}), lid_map={})
    (found,) = sessions(conversion).values()
    assert found["ReceiverChains"][-1]["SenderRatchetKeyPublic"] == live
    assert len(found["ReceiverChains"]) == 2


def test_of_two_open_states_nobody_knows_the_current_one():
    made = record("a")
    made["_sessions"] |= record("b")["_sessions"]
    conversion = convert(phone_with({f"session-{CONTACT}.0": made}), lid_map={})
    assert sessions(conversion) == {}
    assert conversion.lost == {"session": 1}
