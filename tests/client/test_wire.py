from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.client.wire import MAX_LINE_BYTES, LineReader, WireError, encode

lines = st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans()))


@given(st.lists(lines, max_size=5), st.integers(min_value=1, max_value=7))
def test_lines_survive_any_cut(sent, size):
    stream = b"".join(encode(line) for line in sent)
    reader = LineReader()
    read = []
    for start in range(0, len(stream), size):
        read += reader.feed(stream[start : start + size])
    assert read == sent


@pytest.mark.parametrize("bad", [b"not json\n", b"[1]\n", b"\xff\n", b"\n", b"1\n"])
def test_anything_but_an_object_is_refused(bad):
    with pytest.raises(WireError):
        LineReader().feed(bad)


def test_a_line_may_be_one_mebibyte_and_no_longer():
    longest = json.dumps({"text": "x" * (MAX_LINE_BYTES - 12)}).encode()
    assert len(longest) == MAX_LINE_BYTES
    assert len(LineReader().feed(longest + b"\n")) == 1
    with pytest.raises(WireError, match="1 MiB"):
        LineReader().feed(longest + b" \n")
    with pytest.raises(WireError, match="1 MiB"):
        LineReader().feed(longest + b" ")
