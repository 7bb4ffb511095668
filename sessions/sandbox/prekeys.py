"""Prekeys on the wire: what devices upload, and the bundles that others begin their
Signal sessions with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sessions.sandbox.accounts import Account, LinkedDevice
from sessions.sandbox.jids import SERVER_JID, Jid
from sessions.sandbox.keys import SIGNAL_TYPE
from sessions.sandbox.nodes import Node, NodeError

if TYPE_CHECKING:
    from sessions.sandbox.companion import Companion
    from sessions.sandbox.server import Sandbox

# Below this the client uploads more (whatsmeow's MinPreKeyCount), so it is told.
FEW_PREKEYS = 5
PHONE_SIGNED_PREKEY_ID = b"\x00\x00\x01"
KEY_SIZES = {"id": 3, "value": 32, "signature": 64}


def answer(companion: Companion, query: Node) -> list[Node]:
    """Answer a query of the namespace `encrypt`. Raises NodeError for bad keys."""
    if query.get("type") == "set":
        _keep(companion, query)
        return []
    if query.find("count") is not None:
        return [Node("count", {"value": str(len(companion.device.prekeys))})]
    asked = query.find("key")
    if asked is not None:
        users = [_bundle(companion.sandbox, user) for user in asked.find_all("user")]
        return [Node("list", {}, users)]
    return [Node("error", {"code": "404", "text": "item-not-found"})]


def _keep(companion: Companion, query: Node) -> None:
    listed = query.find("list")
    uploaded = [
        (int.from_bytes(_part(key, "id"), "big"), _part(key, "value"))
        for key in (listed.find_all("key") if listed else ())
    ]
    skey = query.find("skey")
    signed = None
    if skey is not None:
        signed = _part(skey, "id"), _part(skey, "value"), _part(skey, "signature")
    companion.sandbox.prekeys.upload(companion.device, uploaded, signed)
    if uploaded:
        companion.note("prekeys_uploaded", count=len(uploaded))


def _part(key: Node, name: str) -> bytes:
    part = key.find(name)
    if part is None or len(part.payload) != KEY_SIZES[name]:
        raise NodeError(f"a prekey lacks a proper {name}")
    return part.payload


def _bundle(sandbox: Sandbox, asked: Node) -> Node:
    jid = asked.jid("jid") or SERVER_JID
    account = sandbox.accounts.find(jid)
    if account is not None and jid.device == 0:
        return _phone_bundle(account, jid)
    device = account.devices.get(jid.device) if account else None
    if device is None:
        error = Node("error", {"code": "404", "text": "item-not-found"})
        return Node("user", {"jid": jid}, [error])
    return _companion_bundle(sandbox, device, jid)


def _phone_bundle(account: Account, jid: Jid) -> Node:
    """The phone never reads what it gets, but its keys must be valid ones."""
    signature = account.signed_prekey_signature
    public = account.signed_prekey.public
    parts = [
        Node("registration", {}, account.raw_id.to_bytes(4, "big")),
        Node("type", {}, SIGNAL_TYPE),
        Node("identity", {}, account.identity.public),
        _key_node("skey", PHONE_SIGNED_PREKEY_ID, public, signature),
    ]
    return Node("user", {"jid": jid, "t": str(int(time.time()))}, parts)


def _companion_bundle(sandbox: Sandbox, device: LinkedDevice, jid: Jid) -> Node:
    parts = [
        Node("registration", {}, device.registration),
        Node("type", {}, SIGNAL_TYPE),
        Node("identity", {}, device.identity),
        _key_node("skey", device.skey_id, device.skey_value, device.skey_signature),
    ]
    prekey = sandbox.prekeys.take(device)
    if prekey is not None:
        key_id, value = prekey
        parts.append(_key_node("key", key_id.to_bytes(3, "big"), value))
    if len(device.prekeys) < FEW_PREKEYS:
        _tell_few(sandbox, device)
    return Node("user", {"jid": jid, "t": str(int(time.time()))}, parts)


def _key_node(tag: str, key_id: bytes, value: bytes, signature: bytes = b"") -> Node:
    parts = [Node("id", {}, key_id), Node("value", {}, value)]
    if signature:
        parts.append(Node("signature", {}, signature))
    return Node(tag, {}, parts)


def _tell_few(sandbox: Sandbox, device: LinkedDevice) -> None:
    count = Node("count", {"value": str(len(device.prekeys))})
    sandbox.router.notify(device, "encrypt", SERVER_JID, [count])
