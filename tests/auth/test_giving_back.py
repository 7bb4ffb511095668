"""Which keys an export takes: the newest, wherever they are."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from sessions.auth.adoption import Adopted, adopt, plan
from sessions.auth.errors import StoreInUse
from sessions.auth.giving_back import give_back
from sessions.auth.open_store import locked
from sessions.auth.ratchets import STEPS
from sessions.host.paths import PhonePaths
from sessions.models import PhoneLease, SessionFacts
from tests.auth.conftest import Place
from tests.auth.core import Core, Device
from tests.baileys_records.made_up import made_up_phone

NUMBER = "77054810862"
LATER = "77019999999"  # a contact whose session came while it ran here


@pytest.fixture
def phone(organization) -> Any:
    done = adopt(plan(made_up_phone(NUMBER, sessions=2, prekeys=8), {}), organization)
    assert isinstance(done, Adopted)
    return done.phone


@pytest.fixture
def ran_here(phone, host, create_schema) -> Any:
    """It ran here; its last session was never copied to the database."""
    directory = PhonePaths.of(phone.pk).store.parent
    place = Place(phone, host, directory, create_schema)
    place.open()
    device = Device(NUMBER, device=12)
    with closing(Core(place.path, device)) as core:
        (own,) = core.run("SELECT session FROM whatsmeow_sessions LIMIT 1").fetchone()
        core.put_session(f"{LATER}:0", own)
    place.close()
    PhoneLease.objects.release(place.fence)
    yield place
    place.close()
    PhonePaths.of(phone.pk).remove_store()


def exported(phone: Any) -> tuple[dict[str, Any], bool]:
    written: list[dict[str, Any]] = []
    done = give_back(phone, written.append)
    return written[0], done.from_copy


def test_the_file_of_this_server_is_taken_if_it_is_the_newest(phone, ran_here):
    rows, from_copy = exported(phone)
    assert not from_copy
    assert f"session-{LATER}.0" in rows


def test_the_copy_is_taken_if_another_server_was_later(phone, ran_here):
    epoch = PhoneLease.objects.get(phone=phone).epoch + 1
    PhoneLease.objects.filter(phone=phone).update(epoch=epoch, auth_epoch=epoch)
    rows, from_copy = exported(phone)
    assert from_copy
    assert f"session-{LATER}.0" not in rows
    assert f"session-{NUMBER}.0" in rows


def test_the_copy_is_taken_if_the_file_is_damaged(phone, ran_here):
    ran_here.path.write_bytes(b"no database")
    _, from_copy = exported(phone)
    assert from_copy


def test_no_prekey_id_is_given_out_twice_by_the_copy(phone):
    rows, from_copy = exported(phone)
    assert from_copy
    assert rows["creds"]["nextPreKeyId"] > 2000


def test_a_session_process_that_lives_is_in_the_way(phone):
    with locked(PhonePaths.of(phone.pk).store), pytest.raises(StoreInUse):
        give_back(phone, lambda rows: None)
    assert SessionFacts.objects.get(phone=phone).cause == "imported"


def test_message_numbers_of_the_copy_are_never_used_twice(phone):
    """What the copy may have missed was sent with the numbers that are leapt over."""
    rows, _ = exported(phone)
    source = made_up_phone(NUMBER, sessions=2, prekeys=8).rows
    name = f"session-{NUMBER}.0"
    assert sent(rows[name]) >= sent(source[name]) + STEPS


def sent(record: Any) -> int:
    """Number of the last message of the open session's sending chain."""
    (session,) = (
        session
        for session in record["_sessions"].values()
        if session["indexInfo"]["closed"] == -1
    )
    own = session["currentRatchet"]["ephemeralKeyPair"]["pubKey"]
    chain = session["_chains"][own]
    return int(chain["chainKey"]["counter"])
