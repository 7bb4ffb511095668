"""The evidence of a stream error or a refusal."""

from __future__ import annotations

from types import SimpleNamespace

from sessions.client.raw_node import node_line

OWNER = SimpleNamespace(User="77054810862", Server="s.whatsapp.net")


class Attribute(SimpleNamespace):
    """As the library's NodeAttrs, without loading the library."""

    def WhichOneof(self, _group):
        return next(
            (kind for kind in ("integer", "text", "jid") if kind in vars(self)), ""
        )


def node(tag, *children, content=b"", **attributes):
    attrs = [Attribute(name=name, **value) for name, value in attributes.items()]
    return SimpleNamespace(Tag=tag, Attrs=attrs, Nodes=list(children), Bytes=content)


def test_a_node_is_written_with_its_attributes_and_children():
    conflict = node("conflict", type={"text": "replaced"})
    error = node("stream:error", conflict, code={"integer": 516}, odd={})
    assert node_line(error) == (
        '<stream:error code="516" odd=""><conflict type="replaced"/></stream:error>'
    )


def test_numbers_are_masked_and_bytes_are_counted():
    failure = node("failure", content=b"secret", to={"jid": OWNER})
    assert node_line(failure) == (
        '<failure to="77***62@s.whatsapp.net">6 bytes</failure>'
    )


def test_a_deep_node_is_cut():
    deep = node("leaf")
    for _ in range(50):
        deep = node("branch", deep, deep)
    assert len(node_line(deep)) <= 500
