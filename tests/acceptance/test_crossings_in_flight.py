"""There and back again, many times, while a stranger goes on writing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sessions import verbs
from sessions.models import PhoneRequest
from tests.acceptance.crossing import Crossing
from tests.acceptance.fleet import Fleet
from tests.baileys.driver import BaileysDevice

pytestmark = [pytest.mark.baileys, pytest.mark.sqlite, pytest.mark.timeout(400)]

CROSSINGS = 20
BURST = 5  # texts that are on their way when a side stops


class Traffic:
    """What the stranger wrote to the phone, and what the phone wrote to him."""

    def __init__(self, way: Crossing) -> None:
        self.way = way
        self.asked: list[str] = []
        self.to_peer: list[str] = []

    def write(self) -> None:
        """The stranger writes, and nobody waits for it to arrive."""
        for _ in range(BURST):
            name = f"text-{len(self.asked)}"
            self.asked.append(name)
            self.way.peer.say(do="send", id=name, to=self.way.number, text=name)

    def to_phone(self) -> list[str]:
        """Ids of all his texts, once WhatsApp has them."""
        peer = self.way.peer

        def results() -> dict[str, dict]:
            return {line["id"]: line for line in peer.seen("result")}

        self.way.fleet.wait(lambda: results().keys() >= {*self.asked}, "his texts")
        lines = [results()[name] for name in self.asked]
        assert all(line["ok"] for line in lines), lines
        return [line["message_id"] for line in lines]

    def wait_heard(self) -> None:
        """Until the stranger has read all that was written to him."""
        wanted = {*self.to_peer}

        def heard() -> bool:
            return wanted <= {line["id"] for line in self.way.peer.seen("message")}

        self.way.fleet.wait(heard, "the stranger's reading")

    def answer_from_baileys(self, device: BaileysDevice) -> None:
        commands = [
            device.begin_send(self.way.peer_number, f"b{n}") for n in range(BURST)
        ]
        for command in commands:
            sent = device.wait_for("sent", id=command)
            self.to_peer.append(sent["message_id"])

    def answer_from_here(self) -> None:
        phone = self.way.phone
        requests = [
            verbs.send(phone, to=self.way.peer_number, text=f"s{n}")
            for n in range(BURST)
        ]
        keys = [request.pk for request in requests]
        done = PhoneRequest.objects.filter(pk__in=keys, result="done")
        self.way.fleet.wait(lambda: done.count() == BURST, "our texts")
        self.to_peer += [
            answer["message_id"] for answer in done.values_list("answer", flat=True)
        ]


def test_twenty_crossings_leave_nothing_undecryptable(
    fleet: Fleet, peer, tmp_path: Path, report
):
    fleet.start_host()
    way = Crossing(fleet, peer, tmp_path / "crossing")
    traffic = Traffic(way)
    began = time.monotonic()
    try:
        device = way.pair()
        way.hear("first contact")
        device.wait_for("message")
        lids = way.lid_map(device)
        for turn in range(CROSSINGS // 2):
            traffic.answer_from_baileys(device)
            traffic.wait_heard()
            traffic.write()
            device.stop()
            traffic.to_phone()
            way.take_over(lids)
            assert way.wait_read(*traffic.to_phone()) == 0
            traffic.answer_from_here()
            traffic.wait_heard()
            traffic.write()
            way.give_back(elsewhere=turn % 2 == 1)
            traffic.to_phone()
            device = way.start_baileys()
            device.wait_open()
            assert way.wait_read(*traffic.to_phone()) == 0
        device.stop()
    finally:
        way.close()
    undecryptable = peer.seen("undecryptable")
    undecryptable += [e for d in way.devices for e in d.seen("undecryptable")]
    report(
        f"{CROSSINGS} crossings in {time.monotonic() - began:.0f} s:"
        f" {len(traffic.asked)} texts to the phone, {len(traffic.to_peer)} from it,"
        f" {len(undecryptable)} undecryptable"
    )
    assert not undecryptable, (
        undecryptable,
        way.story(*(event.get("id", "") for event in undecryptable)),
    )
    assert len(traffic.asked) == CROSSINGS * BURST == len(traffic.to_peer)
