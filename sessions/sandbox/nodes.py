"""The binary XML of WhatsApp Web: stanzas as nodes, and their bytes.

The server writes every string raw, which clients accept, and reads all forms.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from sessions.sandbox import tokens
from sessions.sandbox.jids import LID_SERVER, PHONE_SERVER, Jid

LIST_EMPTY = 0
DICTIONARY_0 = 236
DICTIONARY_3 = 239
INTEROP_JID = 245
FB_JID = 246
AD_JID = 247
LIST_8 = 248
LIST_16 = 249
JID_PAIR = 250
HEX_8 = 251
BINARY_8 = 252
BINARY_20 = 253
BINARY_32 = 254
NIBBLE_8 = 255

# The server that each domain number of an AD JID stands for.
AD_DOMAINS = {0: PHONE_SERVER, 1: LID_SERVER, 128: "hosted", 129: "hosted.lid"}
AD_NUMBERS = {server: number for number, server in AD_DOMAINS.items()}

COMPRESSED = 2
MAX_INFLATED = 8 << 20
MAX_DEPTH = 32

Attribute = str | Jid
Content = bytes | list["Node"] | None


class NodeError(ValueError):
    """The bytes are not a node."""


@dataclass(slots=True)
class Node:
    """A stanza or a part of one. Content is bytes, child nodes or nothing."""

    tag: str
    attributes: dict[str, Attribute] = field(default_factory=dict)
    content: Content = None

    @property
    def nodes(self) -> list[Node]:
        return self.content if isinstance(self.content, list) else []

    @property
    def payload(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else b""

    def find(self, *path: str) -> Node | None:
        """The first descendant along these tags, or None."""
        node: Node | None = self
        for tag in path:
            if node is None:
                return None
            node = next((child for child in node.nodes if child.tag == tag), None)
        return node

    def find_all(self, tag: str) -> Iterator[Node]:
        return (child for child in self.nodes if child.tag == tag)

    def get(self, name: str, default: str = "") -> str:
        value = self.attributes.get(name)
        return default if value is None else str(value)

    def jid(self, name: str) -> Jid | None:
        """The attribute as an address; None if it is absent or is not one."""
        value = self.attributes.get(name)
        if isinstance(value, Jid) or value is None:
            return value
        try:
            return Jid.parse(value)
        except ValueError:
            return Jid("", value) if value == PHONE_SERVER else None


def encode(node: Node) -> bytes:
    """The frame's plaintext: a zero flag byte and the node."""
    out = bytearray(b"\x00")
    _write_node(out, node)
    return bytes(out)


def decode(frame: bytes) -> Node:
    """Read a frame's plaintext. Raises NodeError for anything malformed."""
    if not frame:
        raise NodeError("empty frame")
    body = _inflate(frame[1:]) if frame[0] & COMPRESSED else frame[1:]
    reader = _Reader(body)
    try:
        return reader.node(0)
    except (IndexError, UnicodeDecodeError) as error:
        raise NodeError(f"malformed node: {error}") from error


def _inflate(body: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(body, MAX_INFLATED)
    except zlib.error as error:
        raise NodeError(f"bad compression: {error}") from error
    if inflater.unconsumed_tail:
        raise NodeError("inflated frame is too large")
    return inflated


def _write_node(out: bytearray, node: Node) -> None:
    if not node.tag:
        raise NodeError("a node needs a tag")
    has_content = node.content is not None and node.content != []
    _write_list_size(out, 1 + 2 * len(node.attributes) + has_content)
    _write_bytes(out, node.tag.encode())
    for name, value in node.attributes.items():
        _write_bytes(out, name.encode())
        if isinstance(value, Jid):
            _write_jid(out, value)
        else:
            _write_bytes(out, value.encode())
    if isinstance(node.content, bytes):
        _write_bytes(out, node.content)
    elif node.content:
        _write_list_size(out, len(node.content))
        for child in node.content:
            _write_node(out, child)


def _write_list_size(out: bytearray, size: int) -> None:
    if size < 256:
        out += bytes((LIST_8, size))
    elif size < 65536:
        out.append(LIST_16)
        out += size.to_bytes(2, "big")
    else:
        raise NodeError("list is too long")


def _write_bytes(out: bytearray, value: bytes) -> None:
    size = len(value)
    if size < 256:
        out += bytes((BINARY_8, size))
    elif size < 1 << 20:
        out.append(BINARY_20)
        out += size.to_bytes(3, "big")
    else:
        out.append(BINARY_32)
        out += size.to_bytes(4, "big")
    out += value


def _write_jid(out: bytearray, jid: Jid) -> None:
    if jid.device:
        if jid.server not in AD_NUMBERS or jid.device > 255:
            raise NodeError(f"no device can be named on {jid.server}")
        out += bytes((AD_JID, AD_NUMBERS[jid.server], jid.device))
        _write_bytes(out, jid.user.encode())
        return
    out.append(JID_PAIR)
    if jid.user:
        _write_bytes(out, jid.user.encode())
    else:
        out.append(LIST_EMPTY)
    _write_bytes(out, jid.server.encode())


class _Reader:
    """Reads one buffer from its start; an IndexError means it ended too early."""

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._at = 0

    def node(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise NodeError("nodes are nested too deep")
        size = self._list_size(self._byte())
        tag = self._text(self._byte())
        if not size or not isinstance(tag, str) or not tag:
            raise NodeError("a node needs a tag")
        attributes: dict[str, Attribute] = {}
        for _ in range((size - 1) // 2):
            name = self._text(self._byte())
            if not isinstance(name, str):
                raise NodeError("an attribute's name is not a string")
            attributes[name] = self._text(self._byte())
        content = self._content(depth) if size % 2 == 0 else None
        return Node(tag, attributes, content)

    def _content(self, depth: int) -> Content:
        tag = self._byte()
        if tag in (LIST_8, LIST_16):
            return [self.node(depth + 1) for _ in range(self._list_size(tag))]
        if tag == LIST_EMPTY:
            return None
        if tag in (BINARY_8, BINARY_20, BINARY_32):
            return self._bytes(self._binary_size(tag))
        return str(self._text(tag)).encode()

    def _text(self, tag: int) -> Attribute:
        if tag == LIST_EMPTY:
            return ""
        if tag < len(tokens.SINGLE):
            return tokens.SINGLE[tag]
        if DICTIONARY_0 <= tag <= DICTIONARY_3:
            return tokens.DOUBLE[tag - DICTIONARY_0][self._byte()]
        if tag in (BINARY_8, BINARY_20, BINARY_32):
            return self._bytes(self._binary_size(tag)).decode()
        if tag in (NIBBLE_8, HEX_8):
            return self._packed("0123456789-.???\0" if tag == NIBBLE_8 else HEX)
        return self._jid(tag)

    def _jid(self, tag: int) -> Jid:
        if tag == JID_PAIR:
            user, server = self._string(), self._string()
            return Jid(user, server)
        if tag == AD_JID:
            domain, device = self._byte(), self._byte()
            return Jid(self._string(), AD_DOMAINS.get(domain, PHONE_SERVER), device)
        if tag in (FB_JID, INTEROP_JID):
            user, device = self._string(), self._number(2)
            if tag == INTEROP_JID:
                self._number(2)  # the integrator, of no use here
            return Jid(user, self._string(), device)
        raise NodeError(f"unknown tag {tag}")

    def _string(self) -> str:
        value = self._text(self._byte())
        if not isinstance(value, str):
            raise NodeError("a part of a JID is not a string")
        return value

    def _packed(self, alphabet: str) -> str:
        start = self._byte()
        packed = self._bytes(start & 0x7F)
        text = "".join(alphabet[byte >> 4] + alphabet[byte & 15] for byte in packed)
        if "?" in text:
            raise NodeError("bad packed digit")
        return text[:-1] if start & 0x80 else text

    def _list_size(self, tag: int) -> int:
        if tag == LIST_EMPTY:
            return 0
        if tag in (LIST_8, LIST_16):
            return self._number(1 if tag == LIST_8 else 2)
        raise NodeError(f"tag {tag} does not begin a list")

    def _binary_size(self, tag: int) -> int:
        if tag == BINARY_20:
            return self._number(3) & 0xFFFFF
        return self._number(1 if tag == BINARY_8 else 4)

    def _number(self, size: int) -> int:
        return int.from_bytes(self._bytes(size), "big")

    def _byte(self) -> int:
        value = self._buffer[self._at]
        self._at += 1
        return value

    def _bytes(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._buffer):
            raise NodeError("frame ends inside a value")
        value = self._buffer[self._at : end]
        self._at = end
        return value


HEX = "0123456789ABCDEF"
