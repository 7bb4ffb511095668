"""What the server says to a client of our own, stanza by stanza."""

from __future__ import annotations

import asyncio

import pytest

from sessions.sandbox.connection import HEADER
from sessions.sandbox.jids import SERVER_JID, Jid
from sessions.sandbox.keys import SIGNAL_TYPE, KeyPair, verify
from sessions.sandbox.nodes import Node
from tests.processes import wait_until
from tests.sandbox.clients import Watch, device_of
from tests.sandbox.initiator import Identity, Initiator, frame, login_payload
from tests.sandbox.made_up_devices import online, pair, prekey_list


async def test_pings_are_answered_unless_muted(sandbox, connect, number):
    client = await online(sandbox, connect, number)
    assert (await client.ask("w:p")).get("type") == "result"
    sandbox.fault("mute", number=number, what="pings", seconds=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.ask("w:p")
    assert (await client.ask("blocklist")).get("type") == "result"
    sandbox.fault("unmute", number=number)
    assert (await client.ask("w:p")).get("type") == "result"


async def test_a_mute_ends_by_itself(sandbox, connect, number):
    client = await online(sandbox, connect, number)
    sandbox.fault("mute", number=number, what="all", seconds=1.0)
    assert sandbox.state()["faults"]
    wait_until(lambda: not sandbox.state()["faults"], "the end of the mute")
    assert (await client.ask("w:p")).get("type") == "result"


@pytest.mark.parametrize(
    ("xmlns", "kind", "answer"),
    [
        ("w:profile:picture", "get", "error"),
        ("w:m", "set", "error"),
        ("invented", "get", "error"),
        ("privacy", "get", "result"),
        ("abt", "get", "result"),
        ("tos", "set", "result"),
    ],
)
async def test_every_query_is_answered(sandbox, connect, number, xmlns, kind, answer):
    client = await online(sandbox, connect, number)
    assert (await client.ask(xmlns, kind)).get("type") == answer


async def test_app_state_stands_where_the_client_is(sandbox, connect, number):
    client = await online(sandbox, connect, number)
    asked = Node("collection", {"name": "regular", "version": "7"})
    answer = await client.ask("w:sync:app:state", "set", Node("sync", {}, [asked]))
    assert answer.find("sync", "collection") == asked


async def test_prekeys_run_out_and_the_device_is_told(
    sandbox, connect, number, other_number, watch: Watch
):
    target = await online(sandbox, connect, number)
    asker = await online(sandbox, connect, other_number)
    await target.ask("encrypt", "set", prekey_list(1, 2, 3, 4, 5))
    assert watch.events("prekeys_uploaded", number=number)[0]["count"] == 5
    user = Node("user", {"jid": Jid(number, device=1)})
    bundle = (await asker.ask("encrypt", "get", Node("key", {}, [user]))).find("list")
    assert bundle.find("user", "key", "id").payload == b"\x00\x00\x01"
    told = await target.receive_tag("notification")
    assert told.jid("from") == SERVER_JID
    assert told.find("count").get("value") == "4"
    for _ in range(4):
        await asker.ask("encrypt", "get", Node("key", {}, [user]))
    bundle = (await asker.ask("encrypt", "get", Node("key", {}, [user]))).find("list")
    assert bundle.find("user", "key") is None
    assert bundle.find("user", "skey") is not None
    counted = await target.ask("encrypt", "get", Node("count"))
    assert counted.find("count").get("value") == "0"
    assert sandbox.prekeys(number, 1)["consumed"] == [1, 2, 3, 4, 5]


async def test_the_bundle_of_a_phone_is_signed_by_the_phone(sandbox, connect, number):
    client = await online(sandbox, connect, number)
    lid = sandbox.accounts(number)["lid"]
    user = Node("user", {"jid": Jid(lid, "lid")})
    bundle = (await client.ask("encrypt", "get", Node("key", {}, [user]))).find("list")
    parts = bundle.find("user")
    identity, skey = parts.find("identity").payload, parts.find("skey")
    value, signature = skey.find("value").payload, skey.find("signature").payload
    assert verify(identity, SIGNAL_TYPE + value, signature)
    assert verify(identity, SIGNAL_TYPE + value[::-1], signature) is False


async def test_unknown_numbers_are_not_on_whatsapp(sandbox, connect, number):
    client = await online(sandbox, connect, number)
    users = [
        Node("user", {}, [Node("contact", {}, f"{n}@c.us".encode())])
        for n in (number, "77990000001")
    ]
    query = Node("query", {}, [Node("contact", {"addressing_mode": "lid"})])
    usync = Node("usync", {"sid": "1"}, [query, Node("list", {}, users)])
    answer = await client.ask("usync", "get", usync)
    found = list(answer.find("usync", "list").find_all("user"))
    assert [user.find("contact").get("type") for user in found] == ["in", "out"]
    assert found[0].jid("jid").server == "lid"
    assert found[0].jid("pn_jid") == Jid(number)


async def test_watchers_hear_of_new_devices(sandbox, connect, number, other_number):
    client = await online(sandbox, connect, number)
    sandbox.accounts(other_number)
    user = Node("user", {"jid": Jid(other_number)})
    query = Node("query", {}, [Node("devices", {"version": "2"})])
    usync = Node("usync", {}, [query, Node("list", {}, [user])])
    devices = (await client.ask("usync", "get", usync)).find("usync", "list", "user")
    assert len(devices.find("devices", "device-list").nodes) == 1
    await pair(sandbox, connect, other_number)
    told = await client.receive_tag("notification")
    assert (told.get("type"), told.jid("from").user) == ("devices", other_number)
    devices = (await client.ask("usync", "get", usync)).find("usync", "list", "user")
    assert len(devices.find("devices", "device-list").nodes) == 2


async def test_a_receipt_reaches_its_device_and_is_acknowledged(
    sandbox, connect, number, other_number
):
    first = await online(sandbox, connect, number)
    second = await online(sandbox, connect, other_number)
    to = Jid(other_number, device=1)
    receipt = {"id": "M1", "to": to, "type": "retry"}
    first.send(Node("receipt", {**receipt}, [Node("retry", {"count": "1"})]))
    ack = await first.receive_tag("ack")
    assert (ack.get("class"), ack.jid("from")) == ("receipt", to)
    arrived = await second.receive_tag("receipt")
    assert arrived.jid("from") == Jid(number, device=1)
    assert arrived.find("retry").get("count") == "1"


async def test_a_read_receipt_reaches_all_devices_of_the_chat(
    sandbox, connect, number, other_number
):
    first = await online(sandbox, connect, number)
    second = await online(sandbox, connect, other_number)
    receipt = {"id": "M1", "type": "read"}
    first.send(Node("receipt", {**receipt, "to": Jid(other_number)}))
    assert (await second.receive_tag("receipt")).get("type") == "read"


async def test_a_login_with_another_noise_key_is_refused(sandbox, connect, number):
    await pair(sandbox, connect, number)
    failure = await Identity().log_in(connect(), number, 1)
    assert (failure.tag, failure.get("reason")) == ("failure", "401")
    assert device_of(sandbox, f"{number}:1@s.whatsapp.net") is not None


async def test_a_routing_prefix_before_the_header_is_skipped(sandbox, connect):
    client = connect()
    await client.reach_handshake()
    client.write(
        b"ED\x00\x01" + frame(b"routing") + HEADER + frame(Initiator().hello())
    )
    assert await client.read_frame()


async def test_a_plain_websocket_is_served_and_its_first_stanza_takes_a_while(
    sandbox, connect, number
):
    """Baileys loses a stanza that comes in the turn that ends its handshake."""
    identity = await pair(sandbox, connect, number)
    client = connect()
    await client.connect_plainly()
    await client.open_websocket()
    payload = login_payload(number, 1)
    began = asyncio.get_running_loop().time()
    await client.begin(Initiator(static=identity.noise), payload)
    assert (await client.receive()).tag == "success"
    assert asyncio.get_running_loop().time() - began > 0.08


async def test_a_client_that_cannot_confirm_is_not_linked(
    sandbox, connect, number, watch: Watch
):
    identity, client = Identity(), connect()
    jid = sandbox.scan(await identity.show_code(client), number)
    stanza = await client.receive_tag("iq")
    error = Node("error", {"code": "401", "text": "hmac-mismatch"})
    answer = {"id": stanza.get("id"), "type": "error"}
    client.send(Node("iq", {**answer}, [error]))
    (failed,) = watch.wait("pairing_failed", number=number)
    assert failed["reason"] == "hmac-mismatch"
    assert device_of(sandbox, jid) is None


async def test_a_device_unlinked_while_its_success_is_held_back_is_refused(
    sandbox, connect, number, watch: Watch
):
    identity = await pair(sandbox, connect, number)
    sandbox.fault("no_success", number=number, seconds=1.5)
    login = asyncio.create_task(identity.log_in(connect(), number, 1))
    while not watch.events("login", number=number):
        await asyncio.sleep(0.01)
    sandbox.unlink(number=number)
    assert (await login).get("reason") == "401"


async def test_what_an_older_connection_still_sends_is_counted(
    sandbox, connect, number, watch: Watch
):
    sandbox.settings(replaced_linger_ms=60_000)
    identity, older, newer = await pair(sandbox, connect, number), connect(), connect()
    assert (await identity.log_in(older, number, 1)).tag == "success"
    await older.ask("w:p")
    assert (await identity.log_in(newer, number, 1)).tag == "success"
    conflict = (await older.receive_tag("stream:error")).find("conflict")
    assert conflict.get("type") == "replaced"
    await older.ask("w:p")
    await older.ask("w:p")
    older.close()  # takes effect while the loop runs
    wait = asyncio.to_thread(watch.wait, "double_login_ended", number=number)
    (ended,) = await wait
    assert ended["older_frames_after"] == 2
    assert sandbox.state()["statistics"]["double_logins"] >= 1


async def test_a_hundred_devices_log_in_at_once(sandbox, connect):
    numbers = [str(77070000000 + index) for index in range(100)]
    identities = [await pair(sandbox, connect, each) for each in numbers]
    clients = [connect() for _ in numbers]
    answers = await asyncio.gather(
        *(
            identity.log_in(client, each, 1)
            for identity, client, each in zip(identities, clients, numbers, strict=True)
        )
    )
    assert {answer.tag for answer in answers} == {"success"}
    pongs = await asyncio.gather(*(client.ask("w:p") for client in clients))
    assert {pong.get("type") for pong in pongs} == {"result"}


async def test_a_made_up_number_is_refused(sandbox, connect):
    client = connect()
    await client.shake_hands(Initiator(KeyPair.generate()), login_payload("1", 200))
    assert (await client.receive()).get("reason") == "401"
