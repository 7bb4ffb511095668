from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from sessions.host.launch import device_name
from sessions.host.live_session import POLITE_SECONDS
from tests.sandbox.clients import Watch

numbers = (f"7705481{serial:04d}" for serial in itertools.count())


def test_a_scanned_phone_connects_and_logs_in_again(new_session, sandbox):
    number = next(numbers)
    session = new_session()
    hello = session.wait_for("hello")
    assert hello["library"] == "neonize 0.5.2"
    assert hello["preloaded"]
    assert hello["pid"] == session.pid
    qr = session.wait_for("qr")
    assert (qr["k"], qr["of"], qr["valid_seconds"]) == (1, 6, 60)
    sandbox.scan(qr["code"], number)
    paired = session.wait_for("pair_status")
    assert paired["status"] == "SUCCESS"
    assert paired["jid"] == f"{number}:1@s.whatsapp.net"
    assert paired["lid"].endswith(":1@lid")
    session.wait_for("connected")
    told = [entry["line"] for entry in session.seen("log")]
    assert "Got 515 code, reconnecting..." in told
    assert session.seen("login_status")[0]["status"] == "success"
    assert session.stop() == 0

    again = new_session(jid=paired["jid"])
    again.wait_for("connected")
    assert not again.seen("qr")
    alive = again.wait_for("alive")
    assert alive["connected"]
    assert alive["recv_age_ms"] < 5000


def test_the_device_is_shown_under_its_name(new_session, sandbox):
    number = next(numbers)
    new_session(device_name="Switchboard (Globex)").pair(sandbox, number)
    accounts = {entry["number"]: entry for entry in sandbox.state()["accounts"]}
    (device,) = accounts[number]["devices"]
    assert (device["name"], device["platform"]) == ("Switchboard (Globex)", "desktop")


@pytest.mark.parametrize(
    "organization",
    [
        "a" * 200,
        "ТОО «Рога и копыта»",
        "Семья \U0001f469\u200d\U0001f469\u200d\U0001f467 & Ко",
        'Quo"te <b>',
        "\u200f \u05e2\u05e1\u05e7",
        "x",
    ],
    ids=["long", "cyrillic", "emoji", "marks", "right to left", "short"],
)
def test_any_organization_has_its_name_on_the_phone(new_session, sandbox, organization):
    number, name = next(numbers), device_name(organization)
    new_session(device_name=name).pair(sandbox, number)
    accounts = {entry["number"]: entry for entry in sandbox.state()["accounts"]}
    assert [device["name"] for device in accounts[number]["devices"]] == [name]


@pytest.mark.parametrize(
    ("organization", "name"),
    [
        ("Acme", "Switchboard (Acme)"),
        (" Ac\n me ", "Switchboard (Ac me)"),
        ("a" * 200, f"Switchboard ({'a' * 60})"),
        ("a" * 59 + "👩\u200d👧", f"Switchboard ({'a' * 59}👩)"),
        ("a" * 58 + "👩\u200d👧", f"Switchboard ({'a' * 58}👩)"),
    ],
)
def test_a_name_is_cut_between_characters(organization, name):
    assert device_name(organization) == name


@pytest.fixture
def short_window(sandbox):
    sandbox.settings(qr_window_seconds=0.5)
    yield
    sandbox.settings(qr_window_seconds=180.0)


def test_the_end_of_an_unscanned_pairing_is_told(new_session, short_window):
    session = new_session()
    session.wait_for("qr")
    assert session.wait_for("login_status", 5)["status"] == "timeout"
    assert session.end() is None, "the library never returns from this"
    began = time.monotonic()
    assert session.stop() == 0
    assert time.monotonic() - began < 2 * POLITE_SECONDS


def test_it_stops_while_a_code_is_shown(new_session):
    session = new_session()
    session.wait_for("qr")
    began = time.monotonic()
    assert session.stop() == 0
    assert time.monotonic() - began < 2 * POLITE_SECONDS


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_killed_while_a_code_is_shown(new_session, signal_number):
    session = new_session()
    session.wait_for("qr")
    os.kill(session.pid, signal_number)
    assert session.end(5) == -signal_number


def test_a_pairing_cut_short_is_finished_without_another_scan(new_session, sandbox):
    """The host may not know the JID yet: without one the stored device is resumed."""
    number = next(numbers)
    session = new_session()
    sandbox.scan(session.wait_for("qr")["code"], number)
    session.wait_for("pair_status", status="SUCCESS")
    session.handle.process.kill()
    session.end(5)
    again = new_session(jid=None)
    again.wait_for("connected")
    assert not again.seen("qr")


def test_nothing_secret_is_written_or_logged(new_session, sandbox):
    """Not even with debug on, when Go logs every stanza."""
    number = next(numbers)
    session = new_session(debug=True)
    code = session.wait_for("qr")["code"]
    sandbox.scan(code, number)
    session.wait_for("connected")
    assert session.send(number, "a very private text")["ok"]
    session.stop()
    logged = [line["line"] for line in session.seen("log") if line["level"] == "DEBUG"]
    assert any("pair-device" in line for line in logged), "Go logged its stanzas"
    with open(session.settings.stderr_path, encoding="utf-8") as file:
        written = file.read()
    assert "pair-device" in written
    secrets = [*code.partition("#")[2].split(",")[:4], number, "very private"]
    for secret in secrets:
        assert secret not in written
        assert not any(secret in line for line in logged)


def test_debug_lines_are_handed_on_only_when_asked_for(new_session):
    session = new_session()
    session.wait_for("qr")
    session.say(do="nonsense")
    session.wait_for("log", level="WARNING", line="unknown command do=nonsense")
    assert all(line["level"] != "DEBUG" for line in session.seen("log"))


def test_it_is_unavailable_after_each_connected(new_session, sandbox):
    """Also when the library reconnects by itself: the phone keeps its notifications."""
    number, watch = next(numbers), Watch(sandbox)
    session = new_session()
    jid = session.pair(sandbox, number)
    session.stop()
    with closing(sqlite3.connect(session.settings.store_path)) as store, store:
        store.execute("UPDATE whatsmeow_device SET push_name = 'Ann'")
    again = new_session(jid=jid)
    for count in (1, 2, 3):
        again.wait_for("connected")
        watch.wait("presence", count, number=number)
        if count < 3:
            sandbox.fault("drop", number=number)
    told = watch.events("presence", number=number)
    assert [event["type"] for event in told] == ["unavailable"] * 3
    assert len({event["connection"] for event in told}) == 3


def test_a_connected_phone_shows_itself_unavailable(new_session, sandbox):
    """WhatsApp tells the push name by app state, which the sandbox has none of."""
    session = new_session()
    jid = session.pair(sandbox, next(numbers))
    session.stop()
    with closing(sqlite3.connect(session.settings.store_path)) as store, store:
        store.execute("UPDATE whatsmeow_device SET push_name = 'Ann'")
    again = new_session(jid=jid, debug=True)
    again.wait_for("connected")
    sent = '<presence name="Ann" type="unavailable"/>'
    assert again.wait_for("log", logger="whatsmeow.Client.Send", line=sent)
