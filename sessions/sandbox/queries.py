"""Answers to a device's <iq> queries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sessions.sandbox import prekeys, usync
from sessions.sandbox.jids import SERVER_JID
from sessions.sandbox.nodes import Node

if TYPE_CHECKING:
    from sessions.sandbox.companion import Companion

logger = logging.getLogger(__name__)

NOT_FOUND = Node("error", {"code": "404", "text": "item-not-found"})
Answer = list[Node]


def answer(companion: Companion, query: Node) -> None:
    """Answer the query, as a real server would or with a harmless empty result."""
    namespace = query.get("xmlns")
    if query.get("type") not in ("get", "set"):
        return
    if namespace == "w:p" and companion.sandbox.is_muted(*companion.key, "pings"):
        return
    if namespace == "md":
        _manage_devices(companion, query)
    elif namespace == "passive":
        _reply(companion, query, [])
        if query.find("active") is not None and not companion.is_active:
            companion.become_active()
    else:
        content = ANSWERS.get(namespace, _unknown)(companion, query)
        _reply(companion, query, content)


def _reply(companion: Companion, query: Node, content: Answer) -> None:
    failed = any(node.tag == "error" for node in content)
    attributes = {"type": "error" if failed else "result", "id": query.get("id")}
    attributes["t"] = str(int(time.time()))
    origin = query.jid("to") or SERVER_JID
    companion.send(Node("iq", {**attributes, "from": origin}, content))


def _manage_devices(companion: Companion, query: Node) -> None:
    removal = query.find("remove-companion-device")
    _reply(companion, query, [])
    if removal is None:
        return
    jid = removal.jid("jid")
    account = companion.account
    device = account.devices.get(jid.device) if jid else None
    if device is not None:
        companion.note("logged_out", reason=removal.get("reason"))
        companion.sandbox.unlink(account, device, by_itself=device is companion.device)


def _empty(companion: Companion, query: Node) -> Answer:
    return []


def _unknown(companion: Companion, query: Node) -> Answer:
    logger.info(
        "Query of an unknown kind xmlns=%s child=%s",
        query.get("xmlns"),
        query.nodes[0].tag if query.nodes else "",
    )
    return [NOT_FOUND]


def _not_found(companion: Companion, query: Node) -> Answer:
    return [NOT_FOUND]


def _app_state(companion: Companion, query: Node) -> Answer:
    """No app state was ever changed: each collection stands where the client is."""
    sync = query.find("sync")
    collections = [
        Node(
            "collection",
            {"name": asked.get("name"), "version": asked.get("version", "0")},
        )
        for asked in (sync.find_all("collection") if sync else ())
    ]
    return [Node("sync", {}, collections)]


def _privacy(companion: Companion, query: Node) -> Answer:
    return [Node("privacy")] if query.get("type") == "get" else []


def _properties(companion: Companion, query: Node) -> Answer:
    return [Node("props", {"protocol": "1", "hash": "", "refresh": "86400"})]


def _block_list(companion: Companion, query: Node) -> Answer:
    return [Node("list", {"dhash": ""})]


def _groups(companion: Companion, query: Node) -> Answer:
    if query.find("participating") is not None:
        return [Node("groups")]
    return [NOT_FOUND]


ANSWERS: dict[str, Callable[[Companion, Node], Answer]] = {
    "w:p": _empty,
    "encrypt": prekeys.answer,
    "usync": usync.answer,
    "w:sync:app:state": _app_state,
    "privacy": _privacy,
    "abt": _properties,
    "w": _properties,
    "blocklist": _block_list,
    "w:g2": _groups,
    "w:profile:picture": _not_found,
    "w:m": _not_found,
    "urn:xmpp:whatsapp:dirty": _empty,
    "urn:xmpp:whatsapp:push": _empty,
    "status": _empty,
    "tos": _empty,
    "disappearing_mode": _empty,
}
