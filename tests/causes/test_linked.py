"""Each way a linked phone's session ends, on the real client: what is recorded, what
the phone says, what is done — and what is not.
"""

from __future__ import annotations

import time

import pytest

from sessions.policy.causes import CAUSES
from tests.acceptance.lives import QUIET_SECONDS, record
from tests.causes.linked_rows import ROWS
from tests.causes.scene import (
    CONNECTED,
    Scene,
    assert_explained,
    assert_keys,
    assert_ruled,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def scene(open_fleet) -> Scene:
    fleet = open_fleet(WHATSAPP_HEALTH_CHECK="3")
    fleet.start_host()
    scene = Scene.of(fleet, ROWS)
    for victim in scene.victims.values():
        # s1: the 515 after the scan is no loss, and asks for no second scan.
        assert record(victim.phone) == [
            ("qr_generated", "", None),
            ("paired", "", None),
            CONNECTED,
        ]
        assert (scene.fleet.device(victim.jid)["logins"]) == 1
    scene.begin()
    return scene


@pytest.mark.parametrize("name", ROWS)
def test_it_is_recorded_ruled_and_answered(scene: Scene, name: str):
    victim = scene.victims[name]
    scene.wait_settled(victim)
    assert_explained(victim)
    assert_ruled(victim)
    assert_keys(victim)
    assert (CAUSES[victim.row.cause].credentials == "dead") is victim.row.wiped
    assert scene.knocks(victim) == victim.row.knocks


def test_in_the_end_nobody_knocked_again_and_nobody_was_asked_to_scan(scene: Scene):
    for victim in scene.victims.values():
        scene.wait_settled(victim)
    time.sleep(QUIET_SECONDS)
    for name, victim in scene.victims.items():
        assert (name, scene.knocks(victim)) == (name, victim.row.knocks)
        assert (name, victim.record) == (name, [*victim.row.record])
        assert_keys(victim)
    assert scene.pairings_since() == 0
    assert scene.double_logins() == 0
