"""How a real client's logins and connections end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import wait_until
from tests.sandbox.clients import Client, Watch, device_of, wait_acknowledged

# Values of the library's enum for the reasons 401, 403 and 406.
LOGGED_OUT, MAIN_DEVICE_GONE, UNKNOWN_LOGOUT = 2, 4, 5


def test_an_unlinked_device_is_logged_out_at_once(sandbox, start_client, number):
    client: Client = start_client()
    jid = client.pair(number)
    assert sandbox.unlink(jid) == [jid]
    event = client.wait("LoggedOutEv")
    assert (event["on_connect"], event["reason"]) == (False, LOGGED_OUT)
    assert device_of(sandbox, jid) is None


def test_a_device_unlinked_while_away_is_refused_with_401(
    sandbox, start_client, number, watch: Watch
):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.unlink(number=number, device=1)
    event = start_client().wait("LoggedOutEv")
    assert (event["on_connect"], event["reason"]) == (True, LOGGED_OUT)
    assert watch.wait("login_refused", number=number)[0]["reason"] == "401"


@pytest.mark.parametrize(
    ("code", "reason"), [(403, MAIN_DEVICE_GONE), (406, UNKNOWN_LOGOUT)]
)
def test_a_refusal_that_ends_the_link(sandbox, start_client, number, code, reason):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.fault("refuse_login", number=number, code=code)
    assert start_client().wait("LoggedOutEv")["reason"] == reason


def test_a_ban_tells_its_code_and_time(sandbox, start_client, number):
    client = start_client()
    jid = client.pair(number)
    client.kill()
    sandbox.fault("refuse_login", jid=jid, code=402, ban_code=101, expire=3600)
    event = start_client().wait("TemporaryBanEv")
    assert (event["code"], event["expire"]) == (1, 3600)
    accounts = {account["number"]: account for account in sandbox.state()["accounts"]}
    assert accounts[number]["banned"] is True
    sandbox.fault("allow_login", jid=jid)
    start_client("store").wait("ConnectedEv")


def test_an_outdated_client_keeps_its_link(sandbox, start_client, number):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.fault("refuse_login", number=number, code=405, times=1)
    refused = start_client()
    refused.wait("ClientOutdatedEv")
    refused.kill()
    start_client().wait("ConnectedEv")


def test_a_replaced_client_stays_away(sandbox, start_client, number):
    client = start_client()
    jid = client.pair(number)
    assert sandbox.fault("replace", jid=jid) == 1
    client.wait("StreamReplacedEv")
    wait_until(lambda: not device_of(sandbox, jid)["connected"], "the end")


def test_a_second_login_of_a_live_device_is_counted(
    sandbox, start_client, number, watch: Watch, tmp_path
):
    first = start_client()
    jid = first.pair(number)
    copy_store(tmp_path)
    second = start_client("copy")
    second.wait("ConnectedEv")
    first.wait("StreamReplacedEv")
    (ended,) = watch.wait("double_login_ended", number=number)
    assert ended["overlap_ms"] >= 300
    (record,) = [r for r in sandbox.state()["double_logins"] if r["number"] == number]
    assert record == {name: ended[name] for name in record}
    assert device_of(sandbox, jid)["double_logins"] == 1


def test_a_frozen_client_is_a_double_login_until_it_is_gone(
    sandbox, start_client, number, watch: Watch, tmp_path
):
    sandbox.settings(replaced_linger_ms=60_000)
    first = start_client()
    wait_acknowledged(sandbox, first.pair(number))
    first.freeze()
    copy_store(tmp_path)
    start_client("copy").wait("ConnectedEv")
    watch.wait("double_login", number=number)
    (record,) = [r for r in sandbox.state()["double_logins"] if r["number"] == number]
    assert record["overlap_ms"] is None
    first.wake()
    first.wait("StreamReplacedEv")
    first.kill()
    (ended,) = watch.wait("double_login_ended", number=number)
    assert ended["older_frames_after"] == 0


def test_a_killed_client_that_comes_back_at_once_is_no_double_login(
    sandbox, start_client, number
):
    client = start_client()
    jid = client.pair(number)
    client.kill()
    start_client().wait("ConnectedEv")
    assert device_of(sandbox, jid)["double_logins"] == 0


@pytest.mark.parametrize("kind", ["drop", "close"])
def test_a_lost_connection_comes_back(sandbox, start_client, number, kind):
    client = start_client()
    jid = client.pair(number)
    assert sandbox.fault(kind, jid=jid) == 1
    client.wait("DisconnectedEv")
    client.wait("ConnectedEv")


@pytest.mark.parametrize("code", [500, 503, 515, 516])
def test_a_stream_error_ends_in_a_new_connection(sandbox, start_client, number, code):
    client = start_client()
    jid = client.pair(number)
    sandbox.fault("stream_error", jid=jid, code=code)
    client.wait("ConnectedEv")
    assert device_of(sandbox, jid)["logins"] == 2


def test_refused_connections_are_not_answered(sandbox, start_client, number):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.fault("refuse_connections", seconds=60)
    event = start_client().wait("connect_raised")
    assert "failed to dial" in event["text"]
    sandbox.fault("refuse_connections", seconds=0)
    start_client().wait("ConnectedEv")


def test_a_login_without_success_waits(sandbox, start_client, number):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.fault("no_success", number=number, seconds=1.5)
    assert start_client().wait("ConnectedEv")["after"] > 0.5


def test_a_logout_of_the_client_removes_the_device(
    sandbox, start_client, number, watch: Watch
):
    client = start_client()
    jid = client.pair(number)
    client.log_out()
    assert device_of(sandbox, jid) is None
    assert watch.events("unlinked", number=number, by_itself=True)


def copy_store(directory: Path) -> None:
    """The store of a second client on the same device."""
    for suffix in ("", "-wal", "-shm"):
        copy = directory / f"copy.db{suffix}"
        copy.write_bytes((directory / f"store.db{suffix}").read_bytes())
