"""What the real client tells of each way a connection can end or fail."""

from __future__ import annotations

import itertools

import pytest

from sessions.client.exit_codes import CONNECT_RAISED
from tests.client import inspections
from tests.client.conftest import ask

numbers = (f"7705485{serial:04d}" for serial in itertools.count())


@pytest.fixture
def online(new_session, sandbox):
    """A session that has just connected, its number and JID."""
    number = next(numbers)
    session = new_session(alive_seconds=1.0)
    jid = session.pair(sandbox, number)
    return session, number, jid


@pytest.fixture
def log_in(new_session, sandbox, online):
    """Log the device in again, after the server was told how to answer."""
    session, number, jid = online
    assert session.stop() == 0

    def again(code: int, **options):
        sandbox.fault("refuse_login", number=number, code=code, **options)
        return new_session(jid=jid, alive_seconds=0.2)

    yield again
    sandbox.fault("allow_login", number=number)


def test_unlinked_while_online(online, sandbox):
    session, _number, jid = online
    sandbox.unlink(jid)
    line = session.wait_for("logged_out")
    assert (line["on_connect"], line["reason"]) == (False, "LOGGED_OUT")
    session.wait_for("alive", connected=False)
    assert not session.seen("disconnected")
    assert session.stop() == 0


@pytest.mark.parametrize(
    ("code", "reason"),
    [(401, "LOGGED_OUT"), (403, "MAIN_DEVICE_GONE"), (406, "UNKNOWN_LOGOUT")],
)
def test_logged_out_at_the_login(log_in, code, reason):
    line = log_in(code).wait_for("logged_out")
    assert (line["on_connect"], line["reason"]) == (True, reason)


def test_a_temporary_ban_tells_code_and_seconds(log_in):
    session = log_in(402, ban_code=104, expire=3600)
    line = session.wait_for("temporary_ban")
    assert (line["code"], line["expire"]) == (104, 3600)
    session.wait_for("alive", connected=False)


def test_an_outdated_client(log_in):
    log_in(405).wait_for("client_outdated")


@pytest.mark.parametrize("code", [400, 409, 501])
def test_a_refused_connection_tells_whatsapps_code(log_in, code):
    line = log_in(code).wait_for("connect_failure")
    assert line["code"] == code
    assert line["node"].startswith("<failure ")
    assert f'reason="{code}"' in line["node"]


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [(402, "TemporaryBan", "402"), (415, "ConnectFailure", "415")],
)
def test_a_refusal_neonize_cannot_encode_ends_the_process(log_in, code, message, told):
    session = log_in(code)
    text = session.wait_for("connect_raised")["text"]
    assert "required field" in text
    assert message in text
    assert session.end(5) == CONNECT_RAISED
    assert any(told in line["line"] for line in session.seen("log"))


def test_a_ban_neonize_cannot_encode_still_tells_its_end(log_in):
    session = log_in(402, expire=12345678)
    session.wait_for("connect_raised")
    (told,) = [line for line in session.seen("log") if "failure" in line]
    assert told["failure"] == {"reason": 402, "expire": 12345678}
    assert "12345678" not in told["line"]


def test_a_server_error_at_login_is_in_the_log_and_heals(log_in):
    session = log_in(503, times=1)
    session.wait_for("disconnected")
    session.wait_for("connected")
    assert any("503" in line["line"] for line in session.seen("log"))


def test_nobody_to_connect_to_ends_the_process(online, new_session, sandbox):
    session, _number, jid = online
    session.stop()
    sandbox.fault("refuse_connections", seconds=30)
    try:
        again = new_session(jid=jid)
        assert "dial" in again.wait_for("connect_raised")["text"]
        assert again.end(5) == CONNECT_RAISED
    finally:
        sandbox.fault("refuse_connections", seconds=0)


def test_a_dropped_connection_comes_back_by_itself(online, sandbox):
    session, number, _jid = online
    sandbox.fault("drop", number=number)
    session.wait_for("disconnected")
    session.wait_for("connected")
    alive = session.wait_for("alive")
    assert alive["connected"]
    assert alive["recv_age_ms"] < 5000


def test_a_stream_error_tells_its_code(online, sandbox):
    session, number, _jid = online
    sandbox.fault("stream_error", number=number, code=516)
    line = session.wait_for("stream_error")
    assert line["code"] == "516"
    assert line["node"].startswith("<stream:error ")
    assert 'code="516"' in line["node"]
    session.wait_for("disconnected")
    session.wait_for("connected")


def test_replaced_by_another_login_stays_down(online, sandbox):
    session, number, _jid = online
    sandbox.fault("replace", number=number)
    session.wait_for("stream_replaced")
    session.wait_for("alive", connected=False, recv_age_ms=None)


def test_message_kinds_name_no_content(sandbox_forkserver):
    assert ask(inspections.message_kinds) == {
        "conversation": "text",
        "extended": "text",
        "image": "image",
        "ephemeral video": "video",
        "reaction": "reaction",
        "protocol": "protocol",
        "text with context": "text",
        "nothing": "empty",
    }


def test_a_raw_node_is_told_without_its_numbers_and_contents(sandbox_forkserver):
    assert ask(inspections.nodes) == {
        "node": '<stream:error code="500" from="77***62@s.whatsapp.net" on="True">'
        '<conflict type="replaced" key="…"/><text><!-- 6 bytes --></text>'
        "</stream:error>",
        "empty": "</>",
    }


def test_an_event_nobody_knows_disturbs_no_other(sandbox_forkserver):
    """As a later library may send it: by its callback, from a thread of Go."""
    found = ask(inspections.later_events)
    assert found["lines"] == ["connect_failure", "temporary_ban", "connected"]
    assert found["codes"] == [None, None]
    assert found["logged"] == ["event not read type=StreamError"]


def test_every_event_line_belongs_to_an_event_of_neonize(sandbox_forkserver):
    assert ask(inspections.unknown_events) == {"unknown": []}
