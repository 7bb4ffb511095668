"""Companions of our own making, linked and online."""

from __future__ import annotations

from sessions.sandbox.nodes import Node
from tests.sandbox.initiator import Identity, RawClient


async def pair(sandbox, connect, number: str) -> Identity:
    identity, client = Identity(), connect()
    code = await identity.show_code(client)
    sandbox.scan(code, number)
    await identity.confirm(client)
    await client.receive_tag("stream:error")
    return identity


async def online(sandbox, connect, number: str) -> RawClient:
    """A paired device that is logged in and active."""
    identity, client = await pair(sandbox, connect, number), connect()
    assert (await identity.log_in(client, number, 1)).tag == "success"
    await client.ask("passive", "set", Node("active"))
    await client.receive_tag("ib")
    return client


def prekey_list(*numbers: int) -> Node:
    keys = [
        Node(
            "key",
            {},
            [Node("id", {}, number.to_bytes(3, "big")), Node("value", {}, b"k" * 32)],
        )
        for number in numbers
    ]
    return Node("list", {}, keys)
