"""The loop that surveys and tells, and the command that runs it."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from sessions.alerts import rounds
from sessions.alerts.rounds import AlertRounds, rounds_of_a_host, running_rounds
from sessions.models import Alert, Host
from tests.processes import ROOT, environment, manage, wait_until


def silent_host():
    past = timezone.now() - timedelta(minutes=5)
    return Host.objects.create(name="server-7", beat_at=past)


def test_one_round_raises_and_tells(db, settings, webhook):
    settings.WHATSAPP_ALERT_URL = webhook.url
    host = silent_host()

    assert AlertRounds().once() == (1, 1)
    assert AlertRounds().once() == (0, 0)
    host.beat()
    assert AlertRounds().once() == (1, 1)

    assert [m["event"] for m in webhook.received] == ["begins", "over"]
    assert [m["kind"] for m in webhook.received] == ["host_silent"] * 2


def test_without_an_address_alerts_are_raised_and_wait(db, settings, webhook):
    silent_host()
    assert AlertRounds().once() == (1, 0)

    settings.WHATSAPP_ALERT_URL = webhook.url
    assert AlertRounds().once() == (0, 1)


def test_a_hosts_own_rounds_tell_nobody_outside_of_the_sandbox(db, settings, webhook):
    settings.WHATSAPP_ALERT_URL = webhook.url
    settings.SANDBOX = True
    silent_host()

    assert rounds_of_a_host().once() == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_rounds_go_on_until_they_are_stopped(settings, webhook, monkeypatch):
    settings.WHATSAPP_ALERT_URL = webhook.url
    monkeypatch.setattr(rounds, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0.05)
    with running_rounds(AlertRounds()):
        host = silent_host()
        wait_until(lambda: len(webhook.received) == 1, "the alert")
        host.beat()
        wait_until(lambda: len(webhook.received) == 2, "its end")
    assert not [t for t in threading.enumerate() if t.name == "alerts"]


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a fault")])
def test_a_fault_is_logged_and_tried_again_later(error, monkeypatch, caplog):
    made = AlertRounds()
    monkeypatch.setattr(rounds, "close_old_connections", lambda: None)

    def fail():
        raise error

    monkeypatch.setattr(made, "once", fail)
    with caplog.at_level(logging.WARNING):
        assert made._turn() == rounds.SETTLE_SECONDS
    assert "alerts" in caplog.text


def test_a_message_under_way_does_not_hold_the_end_of_the_process(monkeypatch):
    monkeypatch.setattr(rounds, "LEAVE_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "SETTLE_SECONDS", 0.0)
    made, entered, leave = AlertRounds(), threading.Event(), threading.Event()

    def hang():
        entered.set()
        leave.wait(10)
        return 1.0

    monkeypatch.setattr(made, "_turn", hang)
    with running_rounds(made):
        assert entered.wait(5)
    (thread,) = [t for t in threading.enumerate() if t.name == "alerts"]
    assert thread.daemon
    leave.set()
    thread.join(5)


@pytest.fixture
def installation(tmp_path):
    env = environment(tmp_path / "data")
    assert manage("migrate", "-v0", env=env).returncode == 0
    return env


@pytest.mark.sqlite
def test_the_command_does_one_round_and_says_what_it_did(installation):
    done = manage("send_alerts", "--once", "--json", env=installation)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"ok": True, "changed": 0, "sent": 0}


@pytest.mark.sqlite
def test_the_command_runs_until_sigterm(installation):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "send_alerts"],
        cwd=ROOT,
        env={**installation, "WHATSAPP_ALERT_URL": "https://x:s3cret@127.0.0.1/s3cret"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stderr.readline()
        assert "alerts go to=https://127.0.0.1:443" in line
        assert "s3cret" not in line
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait(10)
        process.stderr.close()


@pytest.mark.sqlite
def test_a_database_that_is_not_migrated_is_one_sentence(tmp_path):
    done = manage("send_alerts", env=environment(tmp_path / "data"))

    assert done.returncode == 1
    assert "migrate" in done.stderr
    assert done.stderr.count("\n") == 1


def test_alerts_of_a_removed_host_go_with_it(db):
    host = silent_host()
    AlertRounds().once()
    host.delete()
    assert Alert.objects.count() == 0
