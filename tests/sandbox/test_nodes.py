from __future__ import annotations

import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.sandbox import nodes, tokens
from sessions.sandbox.jids import Jid
from sessions.sandbox.nodes import Node, NodeError

names = st.text(min_size=1, max_size=12)
phones = st.builds(
    Jid,
    st.from_regex(r"[1-9]\d{6,14}", fullmatch=True),
    st.sampled_from(["s.whatsapp.net", "lid", "hosted", "hosted.lid"]),
    st.integers(0, 255),
)
others = st.builds(Jid, st.text(max_size=8), st.sampled_from(["g.us", "broadcast"]))
attributes = st.dictionaries(names, st.text(max_size=300) | phones | others, max_size=5)
leaves = st.builds(Node, names, attributes, st.none() | st.binary(max_size=400))
trees = st.recursive(
    leaves,
    lambda children: st.builds(
        Node, names, attributes, st.lists(children, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)  # the machine may be busy
@given(trees)
def test_a_node_survives_its_encoding(node):
    assert nodes.decode(nodes.encode(node)) == node


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=300))
def test_garbage_is_a_node_or_an_error(data):
    with suppress(NodeError):
        assert isinstance(nodes.decode(data), Node)


def test_long_values_and_long_lists_survive():
    children = [Node("key", {}, bytes([index % 251])) for index in range(812)]
    node = Node(
        "list", {"a": "b" * 300}, [*children, Node("big", {}, b"x" * 1_100_000)]
    )
    assert nodes.decode(nodes.encode(node)) == node


def test_a_stanza_with_tokens_as_the_real_client_writes_it():
    single = {token: index for index, token in enumerate(tokens.SINGLE)}
    passive = (236, tokens.DOUBLE[0].index("passive"))
    body = bytes(
        [
            *(248, 8, single["iq"]),
            *(single["type"], single["set"]),
            *(single["xmlns"], *passive),
            *(single["to"], 250, 0, single["s.whatsapp.net"]),
            *(248, 1, 248, 1, 236, tokens.DOUBLE[0].index("active")),
        ]
    )
    node = nodes.decode(b"\x00" + body)
    assert node == Node(
        "iq",
        {"type": "set", "xmlns": "passive", "to": Jid("", "s.whatsapp.net")},
        [Node("active")],
    )


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (bytes([255, 0x83, 0x12, 0x34, 0x5F]), "12345"),
        (bytes([255, 0x02, 0x1A, 0xB9]), "1-.9"),
        (bytes([251, 0x02, 0xDE, 0xAF]), "DEAF"),
    ],
)
def test_packed_digits(packed, text):
    body = bytes([248, 3, 252, 1]) + b"x" + bytes([252, 2]) + b"id" + packed
    assert nodes.decode(b"\x00" + body).get("id") == text


def test_the_addresses_of_other_networks():
    body = bytes([248, 3, 252, 1]) + b"x" + bytes([252, 1]) + b"j"
    messenger = bytes([246, 252, 1]) + b"7" + bytes([1, 2, 252, 4]) + b"msgr"
    assert nodes.decode(b"\x00" + body + messenger).jid("j") == Jid("7", "msgr", 258)
    interop = bytes([245, 252, 1]) + b"7" + bytes([0, 3, 0, 9, 252, 7]) + b"interop"
    assert nodes.decode(b"\x00" + body + interop).jid("j") == Jid("7", "interop", 3)


def test_a_compressed_frame_is_inflated():
    node = Node("message", {"id": "1"}, b"text " * 100)
    packed = b"\x02" + zlib.compress(nodes.encode(node)[1:])
    assert nodes.decode(packed) == node


def test_a_compression_bomb_is_refused():
    with pytest.raises(NodeError, match="too large"):
        nodes.decode(b"\x02" + zlib.compress(bytes(nodes.MAX_INFLATED + 1)))


def test_endless_nesting_is_refused():
    with pytest.raises(NodeError, match="too deep"):
        nodes.decode(b"\x00" + bytes([248, 2, 19, 248, 1]) * 10_000)


@pytest.mark.parametrize(
    "node",
    [
        Node(""),
        Node("a", {"j": Jid("7", "g.us", 3)}),
        Node("a", {"j": Jid("7", "lid", 256)}),
    ],
)
def test_what_cannot_be_written_is_refused(node):
    with pytest.raises(NodeError):
        nodes.encode(node)


def test_the_dictionary_is_whole_and_says_where_it_comes_from():
    assert tokens.VERSION == 3
    assert len(tokens.SINGLE) == 236
    assert [len(words) for words in tokens.DOUBLE] == [256] * 4
    assert "baileys" in tokens.DICTIONARY_ORIGIN


def test_finding_parts_of_a_node():
    node = Node("a", {}, [Node("b", {"n": "1"}, [Node("c", {}, b"deep")]), Node("b")])
    assert node.find("b", "c").payload == b"deep"
    assert node.find("b", "x", "y") is None
    assert len(list(node.find_all("b"))) == 2
    assert node.find("b").get("n") == "1"
    assert node.get("missing") == ""


def test_an_address_given_as_text_is_read():
    node = Node(
        "a", {"to": "77011112233:4@lid", "bad": "x:y@lid", "s": "s.whatsapp.net"}
    )
    assert node.jid("to") == Jid("77011112233", "lid", 4)
    assert node.jid("bad") is None
    assert node.jid("s") == Jid("", "s.whatsapp.net")
