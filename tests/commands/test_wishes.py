"""start, stop, restart and hold write what people want; hosts do it."""

from __future__ import annotations

import pytest

from phones.models import AuditEntry, Change
from sessions.models import PhoneRequest, SessionFacts, Wish
from tests.factories import make_phone


@pytest.fixture
def linked(phone):
    SessionFacts.objects.create(phone=phone, linked=True)
    return phone


@pytest.mark.parametrize(
    ("verb", "desired", "held"),
    [
        ("start", "run", False),
        ("restart", "run", False),
        ("stop", "stop", False),
        ("hold", "stop", True),
    ],
)
def test_it_writes_the_wish_its_audit_and_the_wake_up(run, linked, verb, desired, held):
    done = run(verb, linked.phone_number)

    wish = Wish.objects.get(phone=linked)
    assert (done.status, wish.desired, wish.held) == (0, desired, held)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor) == (verb, "command line")
    assert Change.objects.filter(kind="wish", phone_id=linked.pk).exists()
    assert done.stdout.startswith("+77054810862: ")


def test_restart_leaves_a_request_for_the_host(run, linked):
    assert run("restart", linked.pk).status == 0
    assert PhoneRequest.objects.get().kind == "restart"


def test_it_takes_ids_and_numbers_and_acts_once_on_each(run, linked):
    other = make_phone(linked.organization, phone_number="4915112345678")

    done = run("stop", linked.pk, "+7 705 481 08 62", other.pk, "--json")

    assert [line["phone"] for line in done.lines] == [linked.pk, other.pk]
    assert all(line["ok"] and line["verb"] == "stop" for line in done.lines)
    assert Wish.objects.get(phone=linked).generation == 1


def test_an_unknown_phone_stops_it_before_anything_is_written(run, linked):
    done = run("stop", linked.pk, "999999")

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == "There is no phone “999999”; `add_phone` adds one.\n"
    assert not Wish.objects.exists()


def test_a_refusal_of_one_phone_does_not_keep_it_from_the_others(run, linked):
    unlinked = make_phone(linked.organization)

    done = run("start", unlinked.pk, linked.pk, "--json")

    assert done.status == 1
    assert [line["ok"] for line in done.lines] == [False, True]
    assert "not linked" in done.lines[0]["error"]
    assert Wish.objects.get().phone == linked


def test_letters_in_the_number_are_one_sentence(run, db):
    done = run("stop", "+7705abc")

    assert done.status == 1
    assert "not a phone number" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_failure_is_an_object_with_json(run, db):
    done = run("stop", "999999", "--json")

    assert done.status == 1
    assert done.lines == [{"ok": False, "error": done.stderr.strip()}]
