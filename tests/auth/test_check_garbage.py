"""Whatever the rows hold, the checks end with findings and not with an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.auth.checks import OWNED, check_rows
from sessions.auth.contact_rows import KEYS
from sessions.auth.records import Unsound, read_sender_key, read_session
from sessions.auth.rows import DEVICE, Text
from sessions.policy.auth_checks import SEVERITIES
from tests.auth.core import Device
from tests.auth.sound_store import sender_key

NUMBER = "77054810862"
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**40), 2**63),
    st.floats(allow_nan=False),
    st.binary(max_size=70),
    st.binary(max_size=70).map(Text),
    st.text(max_size=40).map(lambda text: Text(text.encode())),
    st.sampled_from([32, 64, 128]).flatmap(
        lambda size: st.binary(min_size=size, max_size=size)
    ),
)
DEVICE_ROW = {
    column: Text(value.encode()) if isinstance(value, str) else value
    for column, value in Device(NUMBER).row().items()
}
COLUMNS = sorted(
    {*DEVICE_ROW, *OWNED.values(), *(c for key in KEYS.values() for c in key)}
)
TABLES = sorted({DEVICE, *OWNED, *KEYS, "whatsmeow_lid_map", "else"})
CONTENTS = ("session", "sender_key", "identity", "key", "hash", "value_mac", "uploaded")
ROWS = st.tuples(
    st.sampled_from(TABLES),
    st.dictionaries(st.sampled_from([*COLUMNS, *CONTENTS]), VALUES, max_size=30),
)


@given(st.lists(ROWS, max_size=12), st.integers(0, 2**24))
@settings(max_examples=150, deadline=None)
def test_rows_of_anything_are_judged(rows, seen):
    for finding in check_rows(rows, number=NUMBER, seen_prekey=seen):
        assert finding.severity == SEVERITIES[finding.check]


@given(st.sampled_from(sorted(DEVICE_ROW)), VALUES)
@settings(max_examples=150, deadline=None)
def test_a_device_with_one_wrong_column_is_judged(column, value):
    check_rows([(DEVICE, {**DEVICE_ROW, column: value})], number=NUMBER)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=20), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document, path=()):
    """Every place in a JSON document."""
    yield path
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, inner in items:
        yield from places(inner, (*path, name))


def put(document, path, value):
    if not path:
        return value
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("read", "record"),
    [(read_session, Device(NUMBER).session()), (read_sender_key, sender_key())],
    ids=["session", "sender key"],
)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_record_with_anything_in_any_place_is_sound_or_unsound(read, record, data):
    document = json.loads(record)
    path = data.draw(st.sampled_from(list(places(document))))
    changed = put(document, path, data.draw(JSON))
    try:
        read(json.dumps(changed).encode())
    except Unsound as unsound:
        assert len(str(unsound)) < 60


@pytest.mark.parametrize("read", [read_session, read_sender_key])
@pytest.mark.parametrize(
    "record", [b"[" * 100_000, b"1" * 10_000, b"\xff", 5, None, b'{"SessionState":1}']
)
def test_what_is_no_record_at_all_is_unsound(read, record):
    with pytest.raises(Unsound):
        read(record)
