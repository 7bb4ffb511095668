"""A whole Baileys server at once, from its PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phones.models import OrganizationPhone, Status
from tests.acceptance import terminal
from tests.acceptance.crossing import Crossing
from tests.acceptance.fleet import Fleet
from tests.acceptance.old_server import old_server

pytestmark = [pytest.mark.baileys, pytest.mark.postgresql]

OFFICE = ("77054810862", "77054810863")
SHOP = ("77054810864",)


@pytest.fixture
def ways(fleet: Fleet, peer, tmp_path: Path):
    ways = [
        Crossing(fleet, peer, tmp_path / number, number=number)
        for number in (*OFFICE, *SHOP)
    ]
    yield ways
    for way in ways:
        way.close()


def test_three_phones_of_two_organizations_move_at_once(fleet, peer, ways, tmp_path):
    lids: dict[str, str] = {}
    for way in ways:
        device = way.pair()
        device.send(way.peer_number, "from the old server")
        peer.wait_for("message")
        lids |= json.loads(way.lid_map(device).read_text())
        device.stop()
    queued = [(way.hear("one"), way.hear("two")) for way in ways]
    lid_map = tmp_path / "lids.json"
    lid_map.write_text(json.dumps(lids))
    fleet.start_host()
    with old_server() as server:
        office = server.add_organization("Office", OFFICE)
        shop = server.add_organization("Shop", SHOP)
        for way in ways:
            server.keep(shop if way.number in SHOP else office, way.records)
        before = server.everything()
        told = terminal.run(
            fleet,
            "import_baileys",
            *("--database-url", server.url),
            *("--lid-map", lid_map),
            "--json",
        )
        assert told.status == 0, (told.stdout, told.stderr)
        assert server.everything() == before
    phones = list(OrganizationPhone.objects.order_by("phone_number"))
    assert [(p.phone_number, p.organization.name) for p in phones] == [
        (OFFICE[0], "Office"),
        (OFFICE[1], "Office"),
        (SHOP[0], "Shop"),
    ]
    fleet.wait_all(phones, Status.CONNECTED)
    for way, phone, messages in zip(ways, phones, queued, strict=True):
        assert phone.phone_jid == way.jid
        assert phone.qr_code is None
        assert way.wait_read(*messages) == 0
        way.say("from here")
    assert peer.seen("undecryptable") == []
