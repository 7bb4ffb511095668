"""drain and move: what people tell servers at a terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import AuditEntry, Change, Status
from sessions.models import Host, PhoneLease, Wish
from tests.factories import make_phone


@pytest.fixture(autouse=True)
def several_hosts(settings):
    """SQLite serves one host in the product; the commands are the same."""
    settings.WHATSAPP_SINGLE_HOST = False


def server(name: str, **fields) -> Host:
    now = timezone.now()
    return Host.objects.create(
        **{"name": name, "capacity": 10, "started_at": now, "beat_at": now, **fields}
    )


@pytest.fixture
def one(db):
    return server("one")


@pytest.fixture
def two(db):
    return server("two")


@pytest.fixture
def running(phone, one):
    """A phone that is connected on host one."""
    phone.status = Status.CONNECTED
    phone.save()
    Wish.objects.create(phone=phone, desired="run")
    until = timezone.now() + timedelta(hours=1)
    PhoneLease.objects.create(phone=phone, host=one, epoch=1, expires_at=until)
    return phone


def test_drain_is_written_with_its_audit_and_a_wake_up(run, one, two):
    done = run("drain", "one", "--json")
    assert done.status == 0
    assert done.lines[0]["ok"]
    assert (done.lines[0]["host"], done.lines[0]["verb"]) == ("one", "drain")
    assert Host.objects.get(draining=True) == one
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor, entry.phone, entry.organization) == (
        "drain",
        "command line",
        None,
        None,
    )
    assert Change.objects.filter(kind="wish").exists()
    assert "already" in run("drain", "one").stderr

    assert run("drain", "one", "--end").status == 0
    assert not Host.objects.filter(draining=True).exists()
    assert run("drain", "one", "--end").status == 1


def test_drain_without_room_elsewhere_is_refused(run, one):
    done = run("drain", "one")
    assert (done.status, done.stdout) == (1, "")
    assert "No other running server has room" in done.stderr
    full = server("full", capacity=0)
    assert run("drain", "one").status == 1
    Host.objects.filter(pk=full.pk).update(capacity=1)
    assert run("drain", "one").status == 0
    # The last one that takes phones.
    assert run("drain", "full").status == 1


def test_an_unknown_server_is_named_with_those_there_are(run, one):
    done = run("drain", "three")
    assert done.status == 1
    assert "Known: one" in done.stderr


def test_move_lets_only_the_chosen_server_take_the_phone(run, running, two):
    done = run("move", running.pk, "--to", "two", "--json")
    assert (done.status, done.lines[0]["verb"]) == (0, "move")
    wish = Wish.objects.get(phone=running)
    assert wish.move_to == two
    assert wish.move_until > timezone.now()
    # Being moved ends no hold.
    assert wish.generation == 0
    assert AuditEntry.objects.get().detail == {"server": "two"}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("one", "has this phone already"),
        ("drained", "takes no phones"),
        ("gone", "takes no phones"),
        ("full", "has no room"),
    ],
)
def test_a_move_that_cannot_be_is_refused(run, running, target, sentence):
    long_ago = timezone.now() - timedelta(days=1)
    server("drained", draining=True)
    server("gone", beat_at=long_ago)
    server("full", capacity=0)
    done = run("move", running.pk, "--to", target)
    assert done.status == 1
    assert sentence in done.stderr
    assert Wish.objects.get(phone=running).move_to is None


def test_a_refused_move_does_not_keep_others_from_theirs(run, running, two):
    idle = make_phone(running.organization)
    done = run("move", idle.pk, running.pk, "--to", "two")
    assert done.status == 1
    assert "does not run" in done.stderr
    assert Wish.objects.get(phone=running).move_to == two
