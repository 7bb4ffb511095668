"""Who has written to a phone, as its Signal sessions tell."""

from __future__ import annotations

import json
import shutil
from contextlib import closing

import pytest

from sessions.auth.acquaintances import has_written
from sessions.auth.store_file import StoreFile
from tests.auth.core import Core, Device

PEER, LID = "77010000002", "188877766655001"


@pytest.fixture
def core(schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    shutil.copyfile(schema, path)
    with closing(Core(path, Device("77054810862"))) as core:
        core.path = path
        core.pair()
        core.run("INSERT INTO whatsmeow_lid_map (lid, pn) VALUES (?, ?)", LID, PEER)
        yield core


def knows(core: Core, recipient: str) -> bool:
    with closing(StoreFile(core.path)) as store, store.reading() as connection:
        return has_written(connection, recipient)


def unanswered(core: Core) -> bytes:
    document = json.loads(core.device.session())
    document["SessionState"]["PendingPreKey"] = {"SignedPreKeyID": 1, "BaseKey": ""}
    return json.dumps(document).encode()


RECIPIENTS = [PEER, f"{PEER}@s.whatsapp.net", f"{LID}@lid"]


@pytest.mark.parametrize("to", RECIPIENTS)
@pytest.mark.parametrize("address", [f"{PEER}:3", f"{LID}_1:0"])
def test_a_session_that_is_answered_is_one_with_an_acquaintance(core, to, address):
    core.put_session(address)
    assert knows(core, to)


@pytest.mark.parametrize("to", RECIPIENTS)
def test_a_first_message_that_nobody_answered_makes_no_acquaintance(core, to):
    core.put_session(f"{PEER}:0", unanswered(core))
    core.put_session(f"{LID}_1:0", unanswered(core))
    assert not knows(core, to)


def test_one_of_the_devices_is_enough(core):
    core.put_session(f"{PEER}:0", unanswered(core))
    core.put_session(f"{PEER}:7")
    assert knows(core, PEER)


def test_a_number_that_begins_alike_is_somebody_else(core):
    core.put_session(f"{PEER}9:0")
    core.put_session(f"{LID}:0")  # a number that reads as the LID
    assert not knows(core, PEER)


def test_another_spelling_of_the_number_is_the_same_contact(core):
    core.put_session("5511987654321:0")
    assert knows(core, "551187654321")


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b"\xff", b"null"])
def test_what_cannot_be_read_is_no_acquaintance(core, record):
    core.put_session(f"{PEER}:0", record)
    assert not knows(core, PEER)


@pytest.mark.parametrize("to", ["", "@", "%", "nobody", "12036301@g.us"])
def test_other_words_are_nobody(core, to):
    core.put_session(f"{PEER}:0")
    assert not knows(core, to)
