"""A node of the protocol as one masked line: the evidence of what WhatsApp said."""

from __future__ import annotations

from typing import Any

from .log_lines import mask_line

MAX_NODES = 20  # of one level
MAX_DEPTH = 4


def node_line(node: Any, depth: int = 0) -> str:
    """Write the library's Node as XML, its bytes as their length, numbers masked."""
    return mask_line(_written(node, depth))


def _written(node: Any, depth: int) -> str:
    attributes = "".join(f' {item.name}="{_value(item)}"' for item in node.Attrs)
    head = f"{node.Tag}{attributes}"
    inside = f"{len(node.Bytes)} bytes" if node.Bytes else ""
    if depth < MAX_DEPTH:
        children = node.Nodes[:MAX_NODES]
        inside += "".join(_written(child, depth + 1) for child in children)
    return f"<{head}>{inside}</{node.Tag}>" if inside else f"<{head}/>"


def _value(item: Any) -> str:
    kind = item.WhichOneof("Value")
    if kind == "jid":
        return f"{item.jid.User}@{item.jid.Server}"
    return str(getattr(item, kind)) if kind else ""
