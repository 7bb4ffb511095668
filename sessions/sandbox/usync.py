"""usync: who is on WhatsApp, under which LID, with which devices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sessions.sandbox import protobuf
from sessions.sandbox.accounts import Account
from sessions.sandbox.jids import LID_SERVER, PHONE_SERVER, Jid
from sessions.sandbox.nodes import Node

if TYPE_CHECKING:
    from sessions.sandbox.companion import Companion


def answer(companion: Companion, query: Node) -> list[Node]:
    """Answer a usync query for each user in its list."""
    asked = query.find("usync")
    wanted = query.find("usync", "query")
    listed = query.find("usync", "list")
    if asked is None or wanted is None or listed is None:
        return [Node("error", {"code": "400", "text": "bad-request"})]
    users = [_user(companion, user, wanted) for user in listed.find_all("user")]
    result = Node("result", {}, [Node(child.tag) for child in wanted.nodes])
    attributes = {name: asked.get(name) for name in ("sid", "index", "last", "mode")}
    content = [result, Node("list", {}, users)]
    return [Node("usync", {**attributes, "context": asked.get("context")}, content)]


def _user(companion: Companion, asked: Node, wanted: Node) -> Node:
    contact = asked.find("contact")
    if contact is not None:
        return _contact(companion, contact.payload.decode("utf-8", "replace"), wanted)
    jid = asked.jid("jid") or Jid("", PHONE_SERVER)
    account = companion.sandbox.accounts.find(jid)
    if account is None:
        return Node("user", {"jid": jid})
    parts: list[Node] = []
    if wanted.find("devices") is not None:
        companion.sandbox.accounts.watch(account, companion.device.number)
        parts.append(_devices(account))
    if wanted.find("lid") is not None:
        parts.append(Node("lid", {"val": account.jid(LID_SERVER)}))
    if wanted.find("status") is not None:
        parts.append(Node("status", {"t": "0"}, b""))
    return Node("user", {"jid": jid}, parts)


def _contact(companion: Companion, text: str, wanted: Node) -> Node:
    """A question by phone number, for instance `+77001112233` or `77001112233@c.us`."""
    number = text.partition("@")[0].lstrip("+")
    account = companion.sandbox.accounts.get(number)
    contact = Node("contact", {"type": "in" if account else "out"}, text.encode())
    phone = Jid(number, PHONE_SERVER)
    if account is None:
        return Node("user", {"jid": phone}, [contact])
    mode = wanted.find("contact")
    by_lid = mode is not None and mode.get("addressing_mode") == LID_SERVER
    jid = account.jid(LID_SERVER) if by_lid else phone
    parts = [contact, Node("lid", {"val": account.jid(LID_SERVER)})]
    if wanted.find("devices") is not None:
        companion.sandbox.accounts.watch(account, companion.device.number)
        parts.append(_devices(account))
    return Node("user", {"jid": jid, "pn_jid": phone}, list(parts))


def _devices(account: Account) -> Node:
    devices = [Node("device", {"id": "0"})]
    for device in account.devices.values():
        attributes = {"id": str(device.device), "key-index": str(device.key_index)}
        devices.append(Node("device", {**attributes}))
    now = int(time.time())
    index = _key_index(account, now)
    listed = Node("device-list", {}, devices)
    key_index = Node("key-index-list", {"ts": str(now)}, index)
    return Node("devices", {}, [listed, key_index])


def _key_index(account: Account, now: int) -> bytes:
    """An ADVSignedKeyIndexList: which devices the phone vouches for."""
    valid = bytes(device.key_index for device in account.devices.values())
    details = protobuf.encode(
        [(1, account.raw_id), (2, now), (3, max(valid, default=0)), (4, valid)]
    )
    signature = account.identity.sign(b"\x06\x02" + details)
    return protobuf.encode([(1, details), (2, signature)])
