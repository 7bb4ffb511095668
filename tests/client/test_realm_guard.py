"""Sandbox and real phones never meet: every reason to refuse, before any connection."""

from __future__ import annotations

import ctypes
import fcntl
import os
import stat
import time

import pytest

from sessions.client import root_key
from sessions.client.exit_codes import CONNECT_RAISED, REFUSED
from sessions.client.realm_guard import Refused, check_sandbox_environment
from sessions.client.store_realm import read_realm
from sessions.client.store_schema import create_schema, stamp_realm
from tests.client.session_driver import SessionDriver, session_settings

KEY = "ab" * 32
GOOD = {"HTTPS_PROXY": "http://127.0.0.1:8443"}


@pytest.mark.parametrize(
    ("environment", "changes", "reason"),
    [
        ({}, {}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://10.0.0.1:8443"}, {}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://127.0.0.1.example.com:80"}, {}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://user@127.0.0.1:80"}, {}, "HTTPS_PROXY"),
        (GOOD | {"NO_PROXY": "web.whatsapp.com"}, {}, "NO_PROXY"),
        (GOOD | {"no_proxy": "*"}, {}, "NO_PROXY"),
        (GOOD, {"proxy": "socks5://127.0.0.1:1080"}, "proxy of its own"),
        (GOOD, {"root_key": None}, "root key"),
        (GOOD, {"root_key": "ab" * 31}, "root key"),
    ],
)
def test_a_sandbox_session_refuses(tmp_path, environment, changes, reason):
    settings = session_settings(tmp_path, {"root_key": KEY}, **changes)
    with pytest.raises(Refused, match=reason):
        check_sandbox_environment(settings, environment)


def test_a_sandbox_session_accepts_its_own_environment(tmp_path):
    settings = session_settings(tmp_path, {"root_key": KEY})
    check_sandbox_environment(settings, GOOD | {"NO_PROXY": ""})


def refusal(driver: SessionDriver) -> str:
    reason = driver.wait_for("refused")["reason"]
    assert driver.end(5) == REFUSED
    assert [line["event"] for line in driver.lines] == ["refused"]
    return reason


@pytest.fixture
def spawned(sandbox_forkserver):
    drivers: list[SessionDriver] = []

    def spawn(settings) -> SessionDriver:
        drivers.append(SessionDriver(settings))
        return drivers[-1]

    yield spawn
    for driver in drivers:
        driver.close()


def test_a_store_of_the_other_realm_is_refused(spawned, sandbox, tmp_path):
    real = session_settings(tmp_path, sandbox.description)
    create_schema(real.store_path, "whatsapp")
    assert "realm whatsapp" in refusal(spawned(real))
    other = session_settings(tmp_path, None, store_path=str(tmp_path / "sandbox.db"))
    create_schema(other.store_path, "sandbox")
    assert "realm sandbox" in refusal(spawned(other))


def test_a_store_without_a_realm_or_without_a_file_is_refused(
    spawned, sandbox, tmp_path
):
    settings = session_settings(tmp_path, sandbox.description)
    assert "cannot be read" in refusal(spawned(settings))
    (tmp_path / "store.db").touch()
    assert "no realm" in refusal(spawned(settings))


def test_a_root_key_for_a_real_phone_is_refused(spawned, tmp_path):
    settings = session_settings(tmp_path, None, root_key=KEY)
    create_schema(settings.store_path, "whatsapp")
    assert "root key" in refusal(spawned(settings))


def test_a_real_phone_keeps_the_real_root_key(spawned, sandbox, tmp_path):
    """Its handshake with the sandbox fails, because that is not WhatsApp."""
    settings = session_settings(tmp_path, None)
    create_schema(settings.store_path, "whatsapp")
    session = spawned(settings)
    assert "handshake" in session.wait_for("connect_raised")["text"]
    assert session.end(5) == CONNECT_RAISED


def test_the_lock_is_held_for_the_life_of_the_process(new_session):
    first = new_session()
    first.wait_for("qr")
    assert "lock" in refusal(new_session())
    with open(first.settings.lock_path, "rb") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        first.handle.process.kill()
        assert first.end(5) == -9
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_files_of_a_session_are_private(new_session, tmp_path):
    new_session().wait_for("qr")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "phone").iterdir()
    }
    assert {"store.db", "store.db-wal", "lock", "stderr.log"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_an_unreachable_log_file_is_refused(new_session):
    assert "log file" in refusal(new_session(stderr_path="/proc/nowhere/stderr.log"))


def memory_with(*keys: bytes) -> tuple[ctypes.Array, list[str]]:
    memory = ctypes.create_string_buffer(b"\0".join((b"before", *keys, b"after")))
    first = ctypes.addressof(memory)
    last = first + len(memory)
    return memory, [
        f"{first:x}-{last:x} rw-p 00000000 00:00 0 /neonize/neonize-linux.so",
        "1000-2000 r--p 00000000 00:00 0 /neonize/neonize-linux.so",
    ]


def test_the_root_key_is_replaced_where_it_stands_once():
    memory, mappings = memory_with(root_key.WHATSAPP_ROOT_KEY)
    root_key.replace_root_key(mappings, bytes.fromhex(KEY))
    assert bytes.fromhex(KEY) in memory.raw
    assert root_key.WHATSAPP_ROOT_KEY not in memory.raw


@pytest.mark.parametrize("times", [0, 2])
def test_the_root_key_is_not_replaced_unless_it_stands_once(times):
    memory, mappings = memory_with(*[root_key.WHATSAPP_ROOT_KEY] * times)
    before = memory.raw
    with pytest.raises(root_key.RootKeyError, match=f"found {times} times"):
        root_key.replace_root_key(mappings, bytes.fromhex(KEY))
    assert memory.raw == before


def test_a_stamp_is_read_without_sqlite_and_never_changed(tmp_path):
    path = tmp_path / "store.db"
    path.touch()
    assert read_realm(path) is None
    stamp_realm(path, "sandbox")
    stamp_realm(path, "sandbox")
    assert read_realm(path) == "sandbox"
    with pytest.raises(ValueError, match="not a store of realm whatsapp"):
        stamp_realm(path, "whatsapp")


def test_a_deadline_in_the_past_kills_at_once(new_session):
    session = new_session(deadline=time.monotonic() - 1)
    assert session.end(5) == -14
    assert session.lines == []
    assert os.stat(session.settings.store_path).st_size > 0
