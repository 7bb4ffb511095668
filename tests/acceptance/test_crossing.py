"""A device paired by Baileys goes on here without a scan, and back again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from sessions.sandbox.jids import Jid
from sessions.sandbox.nodes import Node
from sessions.sandbox.prekeys import FEW_PREKEYS
from tests.acceptance.crossing import Crossing
from tests.acceptance.fleet import Fleet
from tests.sandbox.initiator import RawClient
from tests.sandbox.made_up_devices import online

# What crosses is the same on both databases; PostgreSQL has its own source to test.
pytestmark = [pytest.mark.baileys, pytest.mark.sqlite]


@pytest.fixture
def crossing(fleet: Fleet, peer, tmp_path: Path):
    """Makes crossings; their Node processes are killed afterwards."""
    made: list[Crossing] = []

    def crossing(**fields: str) -> Crossing:
        directory = tmp_path / f"crossing-{len(made)}"
        made.append(Crossing(fleet, peer, directory, **fields))
        return made[-1]

    yield crossing
    for one in made:
        one.close()


@pytest.mark.parametrize("source", ["dump", "folder"])
def test_it_goes_on_as_the_same_device_and_comes_back(fleet: Fleet, crossing, source):
    fleet.start_host()
    way = crossing(source=source)
    # While Baileys runs: the stranger writes first, each side answers the other.
    old = way.pair()
    way.hear("good day")
    old.wait_for("message", text="good day")
    old.send(way.peer_number, "to the number")
    way.peer.wait_for("message")
    lids = way.lid_map(old)
    old.stop()
    queued = [way.hear("one"), way.hear("two")]
    # Here: without a code, as the same device, on the Signal sessions that exist.
    told = way.take_over(lids)
    assert way.phone.phone_jid == way.jid
    assert way.phone.qr_code is None
    assert way.wait_read(*queued) == 0, told
    way.say("answer")
    assert way.wait_read(way.hear("live")) == 0
    way.say("another answer")
    assert way.wait_read(way.new_contact("77010000051", "on a prekey of Baileys")) == 0
    # And back.
    way.give_back(elsewhere=source == "folder")
    waiting = way.hear("for Baileys")
    again = way.start_baileys()
    assert again.wait_open() == way.jid
    assert again.wait_for("message", text="for Baileys")["id"] == waiting
    for turn in range(2):
        again.send(way.peer_number, f"here {turn}")
        way.peer.wait_for("message")
        way.hear(f"there {turn}")
        again.wait_for("message", text=f"there {turn}")
    way.new_contact("77010000052", "on another prekey")
    again.wait_for("message", text="on another prekey")
    again.stop()
    assert again.seen("undecryptable") == again.seen("fault") == []
    assert way.peer.seen("undecryptable") == []
    assert fleet.device(way.jid)["double_logins"] == 0


def test_without_a_lid_map_messages_come_late_but_all_come(fleet: Fleet, crossing):
    """The session lies under the number, the stranger writes from his LID."""
    fleet.start_host()
    way = crossing()
    old = way.pair()
    old.send(way.peer_number, "to the number")
    way.peer.wait_for("message")
    old.stop()
    queued = [way.hear("one"), way.hear("two")]
    told = way.take_over()
    assert told["missing_lids"] == 1
    assert way.wait_read(*queued) > 0
    way.say("answer")
    assert way.wait_read(way.hear("live")) == 0
    # By now our session knows his LID, so nothing comes late on the way back.
    way.give_back()
    way.hear("for Baileys")
    again = way.start_baileys()
    again.wait_for("message", text="for Baileys")
    again.send(way.peer_number, "here")
    way.peer.wait_for("message")
    way.hear("there")
    again.wait_for("message", text="there")
    again.stop()
    assert again.seen("undecryptable") == way.peer.seen("undecryptable") == []


def test_records_from_a_moment_before_the_end_still_do(fleet: Fleet, crossing):
    """Copied while Node ran, which was killed then: it had used up more keys."""
    fleet.start_host()
    way = crossing(source="folder")
    old = way.pair()
    way.hear("good day")
    old.wait_for("message", text="good day")
    old.send(way.peer_number, "answer")
    way.peer.wait_for("message")
    lids = way.lid_map(old)
    copy = way.records.with_name("copy")
    shutil.copytree(way.records, copy)
    for turn in range(5):
        old.send(way.peer_number, f"here {turn}")
        way.peer.wait_for("message")
    old.close()
    shutil.rmtree(way.records)
    copy.rename(way.records)
    way.take_over(lids)
    for turn in range(3):
        way.say(f"from here {turn}")
        assert way.wait_read(way.hear(f"to here {turn}")) == 0
    assert way.peer.seen("undecryptable") == []


def test_prekeys_uploaded_here_serve_after_the_return(fleet: Fleet, crossing):
    fleet.start_host()
    way = crossing()
    way.pair().stop()
    way.take_over()
    left = fleet.device(way.jid)["prekeys"]
    use_up_prekeys(way, left - FEW_PREKEYS + 1, "77010000061")
    fleet.wait(lambda: fleet.device(way.jid)["prekeys"] > left, "an upload")
    use_up_prekeys(way, FEW_PREKEYS, "77010000062")  # the last ones of Baileys
    assert way.wait_read(way.new_contact("77010000053", "while it is here")) == 0
    way.give_back()
    again = way.start_baileys()
    again.wait_open()
    way.new_contact("77010000054", "while it is there")
    again.wait_for("message", text="while it is there")
    again.stop()
    assert again.seen("undecryptable") == again.seen("fault") == []


def use_up_prekeys(way: Crossing, count: int, number: str) -> None:
    """Somebody asks for the device's keys so many times, and never writes."""

    async def ask() -> None:
        sandbox = way.fleet.sandbox
        clients: list[RawClient] = []

        def connect() -> RawClient:
            clients.append(RawClient(sandbox.description))
            return clients[-1]

        stranger = await online(sandbox, connect, number)
        asked = Node("key", {}, [Node("user", {"jid": Jid.parse(way.jid)})])
        for _ in range(count):
            await stranger.ask("encrypt", "get", asked)
        for client in clients:
            client.close()

    asyncio.run(ask())
