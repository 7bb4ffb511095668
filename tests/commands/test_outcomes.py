"""unlink, send and clear_auth wait for what the host does."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from phones.models import OrganizationPhone
from sessions.models import PhoneLease, PhoneRequest, SessionFacts
from tests.commands.conftest import never
from tests.factories import make_organization, make_phone


@pytest.fixture
def linked(phone):
    SessionFacts.objects.create(phone=phone, linked=True)
    OrganizationPhone.objects.update(status="connected")
    return OrganizationPhone.objects.get()


def closes(result, **answer):
    def pause(seconds):
        assert seconds <= 0.2
        request = PhoneRequest.objects.open().first()
        request.claim(1)
        request.close(result, **answer)

    return pause


def test_unlink_waits_until_it_is_done(run, linked, host):
    done = run("unlink", linked.pk, "--json", pause=closes("done"))

    assert done.status == 0
    assert (done.lines[0]["verb"], done.lines[0]["ok"]) == ("unlink", True)


def test_unlink_that_failed_offers_clear(run, linked, host):
    done = run(
        "unlink", linked.pk, pause=closes("failed", error="WhatsApp did not answer.")
    )

    assert done.status == 1
    assert "WhatsApp did not answer." in done.stderr
    assert f"clear_auth {linked.pk}" in done.stderr


def test_unlink_ends_in_time_when_no_server_runs(run, linked):
    with time_machine.travel(timezone.now()) as clock:
        done = run("unlink", linked.pk, pause=lambda seconds: clock.shift(10))

        waited = timezone.now() - PhoneRequest.objects.get().requested_at
    assert done.status == 1
    assert "No server is running sessions" in done.stderr
    assert "clear_auth" in done.stderr
    assert timedelta(seconds=30) <= waited <= timedelta(seconds=50)


def test_unlink_of_an_unlinked_phone_is_refused(run, phone):
    done = run("unlink", phone.pk, pause=never)

    assert done.status == 1
    assert "not linked" in done.stderr


def test_send_prints_the_message_id(run, linked, host):
    done = run(
        "send",
        linked.pk,
        "+7 705 000 00 00",
        "hello",
        pause=closes("done", message_id="3EB0ABCDEF"),
    )

    assert (done.status, done.stdout) == (0, "3EB0ABCDEF\n")


def test_send_hands_the_parsed_number_to_the_host(run, linked, host):
    seen = {}

    def pause(seconds):
        seen.update(PhoneRequest.objects.get().payload)
        closes("done", message_id="X")(0)

    assert run("send", linked.pk, "+7 705 000-00-00", "hi", pause=pause).status == 0
    assert seen == {"to": "77050000000", "text": "hi"}


@pytest.mark.parametrize(
    ("to", "text", "words"),
    [("7705letters", "hi", "not a phone number"), ("77050000000", " ", "empty")],
)
def test_send_refuses_in_one_sentence(run, linked, host, to, text, words):
    done = run("send", linked.pk, to, text, pause=never)

    assert done.status == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not PhoneRequest.objects.exists()


def test_send_tells_why_it_failed(run, linked, host):
    done = run(
        "send",
        linked.pk,
        "77050000000",
        "hi",
        "--json",
        pause=closes("failed", error="no such user"),
    )

    assert done.status == 1
    assert done.lines == [{"ok": False, "error": "no such user"}]


def test_clear_auth_asks_the_host_when_one_is_alive(run, linked, host):
    done = run("clear_auth", linked.pk, "--yes", "--json", pause=closes("done"))

    assert done.status == 0
    assert PhoneRequest.objects.get().kind == "clear"
    assert done.lines[0]["verb"] == "clear"


def test_clear_auth_refuses_without_yes_when_nobody_can_be_asked(run, linked, host):
    done = run("clear_auth", linked.pk, pause=never)

    assert done.status == 1
    assert "--yes" in done.stderr
    assert not PhoneRequest.objects.exists()


@pytest.fixture
def terminal(monkeypatch):
    """A person at a terminal who answers with the given word."""

    def answer(word):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: word)

    return answer


@pytest.mark.parametrize(
    ("arguments", "word", "cleared"),
    [
        (["77054810862"], "yes", True),
        (["77054810862"], "y", False),
        (["--all"], "yes", False),
        (["--all"], "ALL", True),
    ],
)
def test_clear_auth_asks_for_a_typed_word(
    run, linked, host, terminal, arguments, word, cleared
):
    terminal(word)

    done = run("clear_auth", *arguments, pause=closes("done"))

    assert "+77054810862" in done.stderr
    assert PhoneRequest.objects.exists() == cleared
    assert done.status == (0 if cleared else 1)


def test_clear_auth_of_an_organization_leaves_the_others(run, linked, host):
    other = make_phone(make_organization())

    done = run(
        "clear_auth", "--organization", "Acme", "--yes", "--json", pause=closes("done")
    )

    assert [line["phone"] for line in done.lines] == [linked.pk]
    assert not PhoneRequest.objects.filter(phone=other).exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["--organization", "Nobody"], ["77054810862", "--all"], ["--all"]],
)
def test_clear_auth_needs_one_choice_that_names_a_phone(run, db, arguments):
    done = run("clear_auth", *arguments, "--yes", pause=never)

    assert done.status == 1
    assert done.stderr.count("\n") == 1


def test_a_refusal_of_the_host_is_not_taken_for_its_absence(run, linked, host):
    done = run(
        "clear_auth", linked.pk, "--yes", pause=closes("failed", error="Not now.")
    )

    assert done.status == 1
    assert "Not now." in done.stderr


def test_clear_auth_does_it_itself_when_no_server_runs(run, linked):
    done = run("clear_auth", linked.pk, "--yes", pause=never)

    linked.refresh_from_db()
    assert (done.status, linked.status) == (0, "new")
    assert not linked.facts.linked
    assert PhoneRequest.objects.get().result == "done"


def test_clear_auth_goes_on_alone_when_the_server_dies_meanwhile(run, linked, host):
    with time_machine.travel(timezone.now()) as clock:

        def dies(seconds):
            host.__class__.objects.filter(pk=host.pk).update(stopped_at=timezone.now())
            clock.shift(5)

        done = run("clear_auth", linked.pk, "--yes", pause=dies)

    linked.refresh_from_db()
    assert (done.status, linked.status) == (0, "new")
    assert PhoneRequest.objects.get().result == "done"


def test_clear_auth_waits_until_a_dead_servers_lease_has_run_out(
    run, linked, host, settings
):
    settings.WHATSAPP_SINGLE_HOST = False
    host.__class__.objects.filter(pk=host.pk).update(stopped_at=timezone.now())
    PhoneLease.objects.acquire(phone=linked, host_id=host.pk)
    waits = []

    def runs_out(seconds):
        waits.append(seconds)
        PhoneLease.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    done = run("clear_auth", linked.pk, "--yes", pause=runs_out)

    assert done.status == 0
    assert len(waits) == 1
