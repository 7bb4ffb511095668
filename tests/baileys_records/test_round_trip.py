"""There and back: what a phone carries over, and what it may lose."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.auth.rows import Text
from sessions.baileys.buffer_json import dumps, loads
from sessions.baileys.fields import public_of
from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.source import SourcePhone
from sessions.baileys.to_whatsmeow import convert
from tests.baileys_records.made_up import made_up_phone
from tests.baileys_records.strategies import go_sessions

OWN_LID = "188877766655544"


def again(phone, rows, **options):
    return convert(
        SourcePhone(phone.organization, phone.number, phone.jid, rows),
        lid_map={},
        **options,
    )


def in_order(rows):
    return sorted(rows, key=repr)


def live(rows):
    """The part of the rows that goes both ways, sessions as the library writes them."""
    for table, row in rows:
        if table == "whatsmeow_sessions":
            record = json.loads(row["session"])
            for chain in record["SessionState"]["ReceiverChains"]:
                chain["MessageKeys"] = []
            row = row | {"session": json.dumps(record)}
        yield table, row


def test_with_the_imported_rows_every_row_comes_back_the_same():
    phone = made_up_phone(sessions=60, lid=OWN_LID)
    first = convert(phone, lid_map={})
    back = convert_back(first.rows, base=phone.rows)
    assert not back.lost
    assert in_order(again(phone, back.rows).rows) == in_order(first.rows)


def test_without_them_only_keys_of_late_messages_are_missing():
    phone = made_up_phone(sessions=60, lid=OWN_LID)
    first = convert(phone, lid_map={})
    back = convert_back(first.rows, base=None)
    assert set(back.lost) == {"message-key"}
    second = again(phone, back.rows)
    assert in_order(live(second.rows)) == in_order(live(first.rows))


OWN = convert(made_up_phone(sessions=0, prekeys=0, lid=OWN_LID), lid_map={})
(_, DEVICE_ROW), *_ = OWN.rows
IDENTITY = public_of(DEVICE_ROW["identity_key"])
USERS = st.one_of(
    st.integers(10**6, 10**12).map(str),
    st.integers(10**13, 10**15).map(lambda user: f"{user}_1"),
)


@settings(deadline=None, max_examples=60)
@given(
    sessions=st.dictionaries(
        st.tuples(USERS, st.integers(0, 99)).map(
            lambda one: f"{one[0]}:{one[1]}".encode()
        ),
        go_sessions(IDENTITY, DEVICE_ROW["registration_id"]),
        max_size=3,
    )
)
def test_a_session_of_the_library_comes_back_byte_for_byte(sessions):
    own = {"our_jid": DEVICE_ROW["jid"]}
    rows = OWN.rows[:1] + [
        ("whatsmeow_sessions", own | {"their_id": Text(to), "session": record})
        for to, record in sessions.items()
    ]
    back = convert_back(rows, base=None)
    assert not back.lost
    found = again(made_up_phone(), loads(dumps(back.rows))).rows
    assert {
        bytes(row["their_id"]): row["session"]
        for table, row in found
        if table == "whatsmeow_sessions"
    } == sessions
