from __future__ import annotations

import signal
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from sessions.models import Pairing, PairingState, SessionFacts
from tests.camera import read_qr
from tests.commands.conftest import never


class Host:
    """Plays the host: each wait of the command is the moment for the next step."""

    def __init__(self, phone, *steps):
        self.phone, self.steps = phone, iter(steps)

    def __call__(self, seconds):
        assert seconds <= 0.2
        next(self.steps)(self.phone)


def step(state, **phone_fields):
    extra = phone_fields.pop("pairing", {})

    def apply(phone):
        Pairing.objects.filter(phone=phone).update(
            state=state, claimed_epoch=1, **extra
        )
        type(phone).objects.filter(pk=phone.pk).update(**phone_fields)

    return apply


def code(k, text):
    extra = {
        "code_number": k,
        "code_count": 6,
        "valid_until": timezone.now() + timedelta(seconds=20),
    }
    return step(PairingState.QR, qr_code=text, pairing=extra)


JID = "77054810862:12@s.whatsapp.net"


def test_it_streams_the_codes_and_ends_with_connected(run, phone, host):
    scripted = Host(
        phone,
        step(PairingState.STARTING),
        code(1, "https://wa.me/#one"),
        lambda phone: None,  # the same code must not be printed twice
        code(2, "https://wa.me/#two"),
        step(PairingState.LINKING, qr_code=None),
        step(PairingState.PAIRED, phone_jid=JID),
        step(PairingState.RESTARTING),
        step(PairingState.ONLINE),
    )

    done = run("link", phone.phone_number, "--json", pause=scripted)

    assert done.status == 0
    assert [line["event"] for line in done.lines] == ["qr", "qr", "paired", "connected"]
    assert [(line["code"], line["k"], line["of"]) for line in done.lines[:2]] == [
        ("https://wa.me/#one", 1, 6),
        ("https://wa.me/#two", 2, 6),
    ]
    assert done.lines[2]["jid"] == JID


def test_it_tells_paired_also_when_a_look_missed_that_state(run, phone, host):
    done = run(
        "link", phone.pk, "--json", pause=Host(phone, step("online", phone_jid=JID))
    )

    assert [line["event"] for line in done.lines] == ["paired", "connected"]


def test_codes_that_run_out_end_as_408(run, phone, host):
    scripted = Host(
        phone, code(1, "x"), step("expired", qr_code=None, pairing={"cause": "q1"})
    )

    done = run("link", phone.pk, "--json", pause=scripted)

    assert done.status == 1
    assert done.lines[-1] == {
        "event": "expired",
        "code": 408,
        "cause": "q1",
        "text": done.lines[-1]["text"],
    }
    assert "expired" in done.lines[-1]["text"]
    assert "four devices" in done.lines[-1]["text"]


def test_a_failure_names_its_cause_and_says_what_to_do(run, phone, host):
    scripted = Host(phone, step("failed", pairing={"cause": "q4"}))

    done = run("link", phone.pk, "--json", pause=scripted)

    assert done.status == 1
    assert (done.lines[-1]["event"], done.lines[-1]["cause"]) == ("failed", "q4")
    assert "passkey" in done.lines[-1]["text"]


def test_a_link_that_nobody_claims_ends_as_no_host(run, phone):
    def half_a_minute(seconds):
        Pairing.objects.update(expires_at=timezone.now())

    done = run("link", phone.pk, "--json", pause=half_a_minute)

    assert done.status == 1
    assert done.lines[-1]["cause"] == "no_host"
    assert "run_sessions" in done.lines[-1]["text"]
    assert Pairing.objects.get().state == PairingState.FAILED


def test_a_second_link_joins_the_pairing(run, phone, host):
    first = Pairing.objects.create(phone=phone, expires_at=timezone.now())
    code(3, "https://wa.me/#three")(phone)

    done = run(
        "link", phone.pk, "--json", pause=Host(phone, step("online", phone_jid=JID))
    )

    assert done.lines[0]["k"] == 3
    assert Pairing.objects.get() == first


def test_a_linked_phone_is_refused_without_a_pairing(run, phone, host):
    SessionFacts.objects.create(phone=phone, linked=True)

    done = run("link", phone.pk, "--json", pause=never)

    assert done.status == 1
    assert done.lines[0]["event"] == "failed"
    assert "linked already" in done.lines[0]["text"]
    assert not Pairing.objects.exists()


def test_a_refused_account_is_linked_only_when_confirmed(run, phone, host):
    SessionFacts.objects.create(phone=phone, link_needs_confirmation=True)

    assert run("link", phone.pk, pause=never).status == 1
    done = run(
        "link",
        phone.pk,
        "--confirmed",
        pause=Host(phone, step("online", phone_jid=JID)),
    )

    assert done.status == 0


def read_by_camera(drawing):
    """Decode half blocks, light on dark, as a photographed terminal."""
    halves = {"\xa0": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
    rows = [line for line in drawing.splitlines() if line and set(line) <= set(halves)]
    pixels = [[halves[c][half] for c in row] for row in rows for half in (0, 1)]
    picture = np.kron(np.array(pixels, dtype=np.uint8), np.ones((8, 8), np.uint8))
    return read_qr(picture)


def test_without_json_it_draws_the_code(run, phone, host):
    done = run(
        "link",
        phone.pk,
        pause=Host(phone, code(1, "https://wa.me/#one"), step("online", qr_code=None)),
    )

    assert done.status == 0
    assert "Code 1 of 6" in done.stdout
    assert read_by_camera(done.stdout) == "https://wa.me/#one"
    assert "wa.me" not in done.stdout
    assert done.stdout.endswith("Connected.\n")


def test_ctrl_c_stops_watching_and_leaves_the_pairing(run, phone, host):
    def interrupt(seconds):
        signal.raise_signal(signal.SIGINT)

    done = run("link", phone.pk, "--json", pause=interrupt)

    assert done.status == 1
    assert "the pairing goes on" in done.stderr
    assert Pairing.objects.get().is_active


def test_it_gives_up_when_the_server_that_linked_is_gone(run, phone, host, monkeypatch):
    host.delete()
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(
        "sessions.management.commands.link.time.monotonic", lambda: next(clock)
    )

    def stays_as_it_is(seconds):
        step(PairingState.QR)(phone)

    done = run("link", phone.pk, "--json", pause=stays_as_it_is)

    assert done.status == 1
    assert done.lines == [
        {"event": "failed", "cause": "host_lost", "text": done.lines[0]["text"]}
    ]


@pytest.mark.parametrize("text", ["999999", "+7705abc"])
def test_an_unknown_phone_is_one_sentence(run, db, text):
    done = run("link", text)

    assert done.status == 1
    assert done.stderr.count("\n") == 1
