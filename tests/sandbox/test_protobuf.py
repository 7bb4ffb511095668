from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, StringValue, UInt64Value
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.sandbox import protobuf
from sessions.sandbox.protobuf import ProtobufError


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 2**64 - 1), st.binary(min_size=1), st.text(min_size=1))
def test_the_wire_format_is_that_of_the_protobuf_library(number, data, text):
    written = UInt64Value(value=number).SerializeToString()
    assert protobuf.encode([(1, number)]) == written
    assert protobuf.encode([(1, data)]) == BytesValue(value=data).SerializeToString()
    assert protobuf.encode([(1, text)]) == StringValue(value=text).SerializeToString()
    assert protobuf.decode(written).integer(1) == number


def test_fields_of_every_wire_type_are_read():
    nested = protobuf.encode([(1, 5), (2, "inside")])
    data = protobuf.encode([(1, 300), (2, nested)])
    data += bytes([3 << 3 | 5]) + (7).to_bytes(4, "little")
    data += bytes([4 << 3 | 1]) + (8).to_bytes(8, "little")
    message = protobuf.decode(data)
    assert message.integer(1) == 300
    assert message.message(2).text(2) == "inside"
    assert (message.integer(3), message.integer(4)) == (7, 8)
    assert 2 in message and 9 not in message
    assert message.message(9).integer(1, default=-1) == -1


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=100))
def test_garbage_is_a_message_or_an_error(data):
    with suppress(ProtobufError):
        protobuf.decode(data)


@pytest.mark.parametrize("data", [b"\x08", b"\x0a\x05abc", b"\x0b", b"\xff" * 11])
def test_a_broken_message_is_refused(data):
    with pytest.raises(ProtobufError):
        protobuf.decode(data)
