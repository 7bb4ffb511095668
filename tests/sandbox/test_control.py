from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from sessions.sandbox.control import ControlError, SandboxControl
from tests.sandbox.clients import Watch
from tests.sandbox.initiator import Identity, RawClient


def call(sandbox, method, path, body=None, token=None):
    """A plain HTTP call; gives (status, JSON)."""
    connection = HTTPConnection(urlsplit(sandbox.description["control"]).netloc)
    token = sandbox.description["token"] if token is None else token
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_no_call_without_the_token(sandbox, token):
    for method, path in (("GET", "/state"), ("POST", "/scan"), ("GET", "/nothing")):
        status, answer = call(sandbox, method, path, token=token)
        assert (status, set(answer)) == (401, {"error"})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("POST", "/state", "{}", 404),
        ("POST", "/scan", "{", 400),
        ("POST", "/scan", "[]", 400),
        ("POST", "/scan", '{"code": 7}', 409),
        ("POST", "/fault", "{}", 409),
        ("GET", "/events?after=soon", None, 409),
    ],
)
def test_wrong_calls(sandbox, method, path, body, status):
    answered, answer = call(sandbox, method, path, body)
    assert answered == status
    assert answer["error"].endswith(".")


def test_what_is_not_http_is_answered_400(sandbox):
    address = urlsplit(sandbox.description["control"])
    with socket.create_connection((address.hostname, address.port)) as raw:
        raw.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kind": "quake"}, "There is no fault 'quake'."),
        ({"kind": "drop", "number": "77990000000"}, "There is no such account."),
        ({"kind": "drop", "jid": "nobody"}, "not a proper one"),
        ({"kind": "stream_error"}, "'code' needs a whole number."),
        ({"kind": "mute", "what": "birds"}, "'what' needs to be 'pings' or 'all'."),
        ({"kind": "no_success"}, "'seconds' needs a number."),
        ({"kind": "late_acks", "seconds": -1}, "out of range"),
        ({"kind": "pause_after", "step": "x", "seconds": 1}, "'step' needs to be one"),
        ({"kind": "break_connections", "how": "x"}, "'how' needs to be one of tls"),
        ({"kind": "answer_messages"}, "'code' needs a whole number."),
    ],
)
def test_a_wrong_fault_is_refused_with_a_sentence(sandbox, arguments, sentence):
    with pytest.raises(ControlError) as refused:
        sandbox.fault(**arguments)
    assert refused.value.status == 409
    assert sentence in str(refused.value)


def test_accounts_are_created_once_and_renamed(sandbox, number):
    first = sandbox.accounts(f"+{number}", "Aigerim")
    again = sandbox.accounts(number)
    assert again == first == {"number": number, "name": "Aigerim", "lid": first["lid"]}
    assert sandbox.accounts(number, "Asel")["name"] == "Asel"
    sandbox.forget(number)
    with pytest.raises(ControlError, match="no such account"):
        sandbox.forget(number)
    with pytest.raises(ControlError, match="7 to 15 digits"):
        sandbox.accounts("12ab")


def test_nothing_to_unlink_is_said(sandbox, number):
    with pytest.raises(ControlError, match="no such account"):
        sandbox.unlink(number=number)
    sandbox.accounts(number)
    with pytest.raises(ControlError, match="no such linked device"):
        sandbox.unlink(number=number)


def test_settings_and_faults_are_shown_in_the_state(sandbox, number):
    sandbox.accounts(number)
    assert sandbox.settings(refs=2)["refs"] == 2
    sandbox.fault("no_success", number=number, seconds=100)
    state = sandbox.state()
    assert state["settings"]["refs"] == 2
    (fault,) = state["faults"]
    assert (fault["kind"], fault["number"]) == ("no_success", number)
    assert 90 < fault["seconds_left"] <= 100
    with pytest.raises(ControlError, match="no setting"):
        sandbox.settings(colour=1)


async def test_statistics_count_and_start_again(sandbox, number):
    sandbox.reset_statistics()
    client = RawClient(sandbox.description)
    identity = Identity()
    code = await identity.show_code(client)
    sandbox.scan(code, number)
    await identity.confirm(client)
    await client.receive_tag("stream:error")
    statistics = sandbox.state()["statistics"]
    assert (statistics["connections"], statistics["pairings"]) == (1, 1)
    sandbox.reset_statistics()
    assert set(sandbox.state()["statistics"].values()) == {0}
    client.close()


def test_events_come_after_an_id(sandbox, watch: Watch, number):
    sandbox.accounts(number)
    sandbox.fault("drop", number=number)
    (event,) = watch.events("fault", number=number)
    assert all(later["id"] > event["id"] for later in sandbox.events(event["id"]))
    assert {"id", "at", "kind"} <= set(event)


def test_the_client_takes_the_directory_or_the_file(sandbox):
    directory = sandbox.description["ca_file"].rpartition("/")[0]
    for path in (directory, f"{directory}/sandbox.json"):
        assert SandboxControl(path).description == sandbox.description


def test_the_sandbox_listens_on_this_machine_only(sandbox):
    port = urlsplit(sandbox.description["proxy"]).port
    with open("/proc/net/tcp", encoding="ascii") as table:
        bound = [line.split()[1] for line in table if f":{port:04X} " in line]
    assert f"0100007F:{port:04X}" in bound
    assert f"00000000:{port:04X}" not in bound
