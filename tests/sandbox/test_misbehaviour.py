"""Clients that send garbage, too much, or leave: the server lives on."""

from __future__ import annotations

import asyncio

import pytest

from sessions.sandbox.connection import HEADER
from sessions.sandbox.jids import Jid
from sessions.sandbox.nodes import Node
from tests.sandbox.clients import Watch
from tests.sandbox.initiator import Initiator, RawClient, frame
from tests.sandbox.made_up_devices import online, prekey_list


async def refuses_host(client: RawClient) -> None:
    assert (await client.connect("example.org:443")).startswith(b"HTTP/1.1 403")


async def asks_plainly(client: RawClient) -> None:
    await client.connect()
    client.writer.write(b"GET / HTTP/1.1\r\n\r\n")


async def asks_for_another_path(client: RawClient) -> None:
    await client.connect_plainly()
    client.writer.write(b"GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


async def breaks_plain_websocket(client: RawClient) -> None:
    await client.connect_plainly()
    client.writer.write(b"GET /ws/chat HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


async def breaks_tls(client: RawClient) -> None:
    await client.connect()
    client.writer.write(b"\x16\x03\x01" + b"x" * 100)


async def breaks_websocket(client: RawClient) -> None:
    await client.connect()
    await client.start_tls()
    client.writer.write(b"GET /ws/chat HTTP/1.1\r\nHost: web.whatsapp.com\r\n\r\n")


async def breaks_header(client: RawClient) -> None:
    await client.reach_handshake()
    client.write(b"XY\x00\x00" + frame(b"hello"))


async def breaks_hello(client: RawClient) -> None:
    await client.reach_handshake()
    client.write(HEADER + frame(b"\xff" * 20))


async def sends_oversize_hello(client: RawClient) -> None:
    await client.reach_handshake()
    client.write(HEADER + b"\xff\xff\xff" + b"x" * 1000)


async def breaks_finish(client: RawClient) -> None:
    await client.reach_handshake()
    client.write(HEADER + frame(Initiator().hello()))
    await client.read_frame()
    client.write(frame(b"\x22\x04\x0a\x02xx"))


async def breaks_payload(client: RawClient) -> None:
    await client.shake_hands(Initiator(), b"\xff\xff\xff")


async def breaks_registration(client: RawClient) -> None:
    await client.shake_hands(Initiator(), b"\x9a\x01\x02\x0a\x00")


@pytest.mark.parametrize(
    "misbehave",
    [
        *(refuses_host, asks_plainly, breaks_tls, breaks_websocket, breaks_header),
        *(breaks_hello, sends_oversize_hello, breaks_finish, breaks_payload),
        *(breaks_registration, asks_for_another_path, breaks_plain_websocket),
    ],
)
async def test_a_client_that_breaks_the_rules_is_closed(sandbox, connect, misbehave):
    client = connect()
    await misbehave(client)
    async with asyncio.timeout(5):
        await client.wait_closed()
    assert sandbox.state()


@pytest.mark.parametrize("step", range(5))
async def test_a_client_that_leaves_at_any_step_leaves_nothing(sandbox, connect, step):
    client = connect()
    steps = [client.connect, client.start_tls, client.open_websocket]
    for act in steps[:step]:
        await act()
    if step == 4:
        client.write(HEADER + frame(Initiator().hello()))
        await client.read_frame()
    if step:
        client.close()
    else:
        client.writer = (await asyncio.open_connection("127.0.0.1", port(sandbox)))[1]
        client.close()
    assert sandbox.state()


def port(sandbox) -> int:
    return int(sandbox.description["proxy"].rpartition(":")[2])


@pytest.mark.parametrize(
    "garbage",
    [
        frame(b"not encrypted at all, only long enough"),
        b"\xff\xff\xff" + b"x" * 100,
        frame(b""),
    ],
)
async def test_garbage_after_the_login_closes_the_connection(
    sandbox, connect, number, garbage, watch: Watch
):
    client = await online(sandbox, connect, number)
    client.write(garbage)
    async with asyncio.timeout(5):
        await client.wait_closed()
    (closed,) = [
        event
        for event in watch.wait("closed")
        if event["reason"].startswith("protocol error")
    ]
    assert closed


@pytest.mark.parametrize(
    "stanza",
    [
        Node("iq", {"type": "set", "xmlns": "encrypt"}, [prekey_list(1).nodes[0]]),
        Node("iq", {"type": "get", "xmlns": "usync"}),
        Node("iq"),
        Node("message", {"id": "1"}),
        Node("message", {"to": "77011112233:999@lid", "id": "1"}),
        Node("message", {"to": Jid("g", "g.us"), "id": "1"}, b"text"),
        Node("message", {"to": Jid("77990000009"), "id": "1"}, [Node("enc")]),
        Node("receipt", {"to": "nobody"}),
        Node("receipt", {"to": Jid("77990000009"), "type": "read"}),
        Node("ack"),
        Node("ack", {"class": "message", "id": "1"}),
        Node("presence", {"type": "available"}),
    ],
)
async def test_an_odd_stanza_is_survived(sandbox, connect, number, stanza):
    client = await online(sandbox, connect, number)
    client.send(stanza)
    assert (await client.ask("w:p")).get("type") == "result"


async def test_improper_prekeys_close_the_connection(sandbox, connect, number):
    client = await online(sandbox, connect, number)
    key = Node("key", {}, [Node("id", {}, b"1" * 50), Node("value", {}, b"")])
    attributes = {"type": "set", "xmlns": "encrypt"}
    client.send(Node("iq", {**attributes}, [Node("list", {}, [key])]))
    async with asyncio.timeout(5):
        await client.wait_closed()
    assert sandbox.prekeys(number, 1)["uploaded"] == []


async def test_another_host_is_refused_and_counted(sandbox, connect, watch: Watch):
    before = sandbox.state()["statistics"]["refused_hosts"]
    await refuses_host(connect())
    assert sandbox.state()["statistics"]["refused_hosts"] == before + 1
    assert watch.events("foreign_host")[0]["host"] == "example.org:443"
