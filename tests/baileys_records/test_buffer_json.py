"""Baileys' JSON: what its replacer and reviver do, and what they would choke on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.baileys.buffer_json import dumps, loads, octets

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text().filter(lambda name: name not in {"type", "buffer"}),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"Buffer","data":"BQH/"}',
        '{"type":"Buffer","data":[5,1,255]}',
        '{"buffer":true,"data":"BQH/"}',
        '{"buffer":true,"value":"BQH_"}',
        b'{"type":"Buffer","data":"BQH/"}',
    ],
)
def test_each_form_of_a_buffer_becomes_bytes(text):
    assert loads(text) == b"\x05\x01\xff"


def test_an_empty_buffer_has_no_data():
    assert loads('{"type":"Buffer","data":[]}') == b""
    assert loads('{"type":"Buffer"}') == b""


def test_bare_base64_is_told_from_text_by_who_asks():
    value = loads('{"details":"BQH/"}')
    assert value == {"details": "BQH/"}
    assert octets(value["details"]) == octets(b"\x05\x01\xff") == b"\x05\x01\xff"


@pytest.mark.parametrize("value", [None, 5, [5], {"0": 5}, "no base64!"])
def test_what_holds_no_bytes_has_no_octets(value):
    with pytest.raises(ValueError):
        octets(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"noiseKey":{"priv',
        "NaN",
        '{"type":"Buffer","data":"?"}',
        '{"type":"Buffer","data":[256]}',
        '{"type":"Buffer","data":["a"]}',
        '{"type":"Buffer","data":{"0":1}}',
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):
        loads(text)


@given(value=VALUES)
def test_what_is_written_reads_the_same(value):
    assert loads(dumps(value)) == value


def test_bytes_are_written_as_baileys_writes_them():
    written = dumps({"private": b"\x05\x01\xff", "name": "Алия"})
    assert json.loads(written) == {
        "private": {"type": "Buffer", "data": "BQH/"},
        "name": "Алия",
    }
