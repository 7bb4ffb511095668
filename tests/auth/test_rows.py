"""Rows of a store file and their entries: reversible, one to one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.auth.rows import Text, auth_key, decode_row, encode_row

JID = Text(b"77054810862:12@s.whatsapp.net")
texts = st.binary(max_size=40).map(Text) | st.text(max_size=12).map(
    lambda text: Text(text.encode("utf-8"))
)
integers = st.integers(-(2**63), 2**63 - 1)
values = (
    texts | st.binary(max_size=40) | integers | st.floats(allow_nan=False) | st.none()
)
columns = st.sampled_from(["jid", "key_id", "push_name", "row", "table", "a b", '"'])


@settings(deadline=None)
@given(columns, st.dictionaries(columns, values, max_size=8))
def test_a_row_comes_back_as_it_was(table, row):
    found_table, found = decode_row(encode_row(table, row))
    assert found_table == table
    assert found == row
    assert {c: type(v) for c, v in found.items()} == {
        c: type(v) for c, v in row.items()
    }


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"[]",
        b'"creds"',
        b'{"row":{}}',
        b'{"table":"t","row":[]}',
        b'{"table":"t","row":{"c":{"blob":"%%%"}}}',
        b'{"table":"t","row":{"c":{"what":"AA=="}}}',
        b'{"table":"t","row":{"c":{}}}',
        b'{"table":"t","row":{"c":[1]}}',
    ],
)
def test_what_is_no_row_is_refused(entry):
    with pytest.raises(ValueError, match=r"."):
        decode_row(entry)


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        ("device", {"jid": JID}, "creds"),
        ("pre_keys", {"jid": JID, "key_id": 812}, "pre-key-812"),
        (
            "sessions",
            {"our_jid": JID, "their_id": Text(b"188877766655544_1:5")},
            "session-188877766655544_1.5",
        ),
        (
            "identity_keys",
            {"our_jid": JID, "their_id": Text(b"77010000002:0")},
            "identity-key-77010000002.0",
        ),
        (
            "sender_keys",
            {
                "our_jid": JID,
                "chat_id": Text(b"1203630@g.us"),
                "sender_id": Text(b"77010000002:3"),
            },
            "sender-key-1203630@g.us::77010000002::3",
        ),
        (
            "app_state_sync_keys",
            {"jid": JID, "key_id": b"\x00\x00\xfb\xff"},
            "app-state-sync-key-AAD7/w==",
        ),
        (
            "app_state_version",
            {"jid": JID, "name": Text(b"critical_block")},
            "app-state-sync-version-critical_block",
        ),
        ("lid_map", {"lid": Text(b"188877")}, "lid-mapping-188877_reverse"),
        (
            "contacts",
            {"our_jid": JID, "their_jid": Text(b"77010000002@s.whatsapp.net")},
            "contact-77010000002@s.whatsapp.net",
        ),
        (
            "privacy_tokens",
            {"our_jid": JID, "their_jid": Text(b"1888@lid")},
            "tctoken-1888@lid",
        ),
        (
            "chat_settings",
            {"our_jid": JID, "chat_jid": Text(b"1888@lid")},
            "whatsmeow_chat_settings-1888@lid",
        ),
        ("nct_salt", {"our_jid": JID}, "whatsmeow_nct_salt-"),
    ],
)
def test_keys_follow_baileys_categories(table, key, expected):
    assert auth_key(f"whatsmeow_{table}", key, JID) == expected


def test_rows_of_an_earlier_device_do_not_meet_those_of_this_one():
    earlier = Text(b"77054810862:11@s.whatsapp.net")
    address = Text(b"77010000002:0")
    ours = auth_key("whatsmeow_sessions", {"our_jid": JID, "their_id": address}, JID)
    theirs = auth_key(
        "whatsmeow_sessions", {"our_jid": earlier, "their_id": address}, JID
    )
    assert ours == "session-77010000002.0"
    assert theirs == "session-77010000002.0%@77054810862%3A11@s.whatsapp.net"
    assert auth_key("whatsmeow_device", {"jid": earlier}, JID) != "creds"


TABLES = {
    "whatsmeow_device": ("jid",),
    "whatsmeow_pre_keys": ("jid", "key_id"),
    "whatsmeow_sessions": ("our_jid", "their_id"),
    "whatsmeow_sender_keys": ("our_jid", "chat_id", "sender_id"),
    "whatsmeow_app_state_sync_keys": ("jid", "key_id"),
    "whatsmeow_lid_map": ("lid",),
    "whatsmeow_message_secrets": ("our_jid", "chat_jid", "sender_jid", "message_id"),
}
# Few letters, so that different keys nearly meet.
tricky = st.text("a:.-%@#~ \x00é", max_size=4).map(lambda t: Text(t.encode())) | (
    st.sampled_from([JID, b"a", 1, -1, 1.0, None, Text(b"1"), Text(b"\xff")])
)


@st.composite
def primary_keys(draw):
    table = draw(st.sampled_from(sorted(TABLES)))
    return table, {column: draw(tricky) for column in TABLES[table]}


@settings(deadline=None)
@given(st.lists(primary_keys(), min_size=2, max_size=30))
def test_two_rows_never_share_a_key(rows):
    seen = {}
    for table, key in rows:
        name = auth_key(table, key, JID)
        identity = (
            table,
            json.dumps([(type(v).__name__, repr(v)) for v in key.values()]),
        )
        assert seen.setdefault(name, identity) == identity


@settings(deadline=None)
@given(st.binary(max_size=600).map(Text), st.binary(max_size=300).map(Text))
def test_a_key_fits_its_column_on_both_databases(chat, sender):
    key = {"our_jid": JID, "chat_id": chat, "sender_id": sender}
    name = auth_key("whatsmeow_sender_keys", key, JID)
    assert len(name) <= 255
    assert name.isascii()
    assert name.isprintable()


def test_long_keys_differ_where_only_their_ends_do():
    def key(end: bytes) -> str:
        chat = Text(b"a" * 400 + end)
        row = {"our_jid": JID, "chat_id": chat, "sender_id": Text(b"1:0")}
        return auth_key("whatsmeow_sender_keys", row, JID)

    assert key(b"1") != key(b"2")
    assert key(b"1") == key(b"1")
