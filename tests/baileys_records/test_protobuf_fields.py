"""Numbers in protobuf messages, against another writer, and against garbage."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from sessions.baileys.fields import Malformed
from sessions.baileys.protobuf_fields import (
    read_message,
    read_packed,
    write_number,
    write_packed,
)
from sessions.sandbox.protobuf import encode

NUMBERS = st.integers(0, 2**64 - 1)


@given(field=st.integers(1, 2**20), value=NUMBERS)
def test_a_number_is_written_as_others_write_it(field, value):
    assert write_number(field, value) == encode([(field, value)])
    assert read_message(write_number(field, value)) == [(field, value)]


@given(values=st.lists(NUMBERS))
def test_packed_numbers_are_read_again(values):
    fields = read_message(write_packed(3, values))
    assert [read_packed(content) for _, content in fields] == (
        [values] if values else []
    )


@given(content=st.binary(max_size=60))
def test_garbage_is_malformed_and_nothing_else(content):
    with contextlib.suppress(Malformed):
        for _, value in read_message(content):
            if isinstance(value, bytes):
                read_packed(value)
