"""What Baileys 7 writes and 6.7 does not: marked LIDs, identities, privacy tokens."""

from __future__ import annotations

import random

import pytest

from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.to_whatsmeow import convert
from tests.baileys_records.made_up import made_up_phone
from tests.baileys_records.made_up_signal import session_record

IDENTITY = bytes(range(32))


def converted(rows):
    phone = made_up_phone(sessions=0, sender_keys=0)
    phone.rows |= rows
    return convert(phone, lid_map={})


def table(conversion, name):
    return [row for found, row in conversion.rows if found == f"whatsmeow_{name}"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("188877766655544_1.5", b"188877766655544_1:5"),
        ("1888777_1.0", b"1888777_1:0"),
        ("77012345678_128.99", b"77012345678_128:99"),
        ("188877766655544_129.99", b"188877766655544_129:99"),
        ("77012345678.0", b"77012345678:0"),
    ],
)
def test_the_domain_of_an_address_is_kept(address, expected):
    conversion = converted({f"session-{address}": session_record(random.Random(1))})
    assert expected in [row["their_id"] for row in table(conversion, "sessions")]


@pytest.mark.parametrize("address", ["77012345678_7.0", "77012345678", "x.0", ".0"])
def test_an_address_of_nobody_is_lost(address):
    conversion = converted({f"session-{address}": session_record(random.Random(1))})
    assert conversion.lost == {"session": 1}


@pytest.mark.parametrize("identity", [b"\x05" + IDENTITY, IDENTITY])
def test_an_identity_without_a_session_is_carried(identity):
    conversion = converted({"identity-key-188877766655544_1.0": identity})
    assert {
        "our_jid": conversion.rows[0][1]["jid"],
        "their_id": b"188877766655544_1:0",
        "identity": IDENTITY,
    } in table(conversion, "identity_keys")


def test_the_identity_of_a_session_is_the_one_that_counts():
    record = session_record(random.Random(1), remote_identity=b"\x05" + IDENTITY)
    rows = {
        "session-77012345678.0": record,
        "identity-key-77012345678.0": b"\x05" + bytes(32),
    }
    identities = {
        row["their_id"]: row["identity"]
        for row in table(converted(rows), "identity_keys")
    }
    assert identities[b"77012345678:0"] == IDENTITY


def test_privacy_tokens_go_both_ways():
    key, value = "tctoken-188877766655544@lid", {"token": b"t", "timestamp": "1772357"}
    conversion = converted({key: value, "tctoken-nobody": value})
    assert conversion.carried["tctoken"] == conversion.lost["tctoken"] == 1
    assert convert_back(conversion.rows, base=None).rows[key] == value
