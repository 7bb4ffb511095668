"""A clear that logs out first: what WhatsApp, the process or the clock may answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from phones.models import Status
from sessions import verbs
from sessions.host.clearing import TIMER
from sessions.host.errands import Errands
from sessions.models import PhoneRequest, Quarantine, Wish
from tests.host.stage import Stage, at_once

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def stage(tmp_path, settings) -> Stage:
    settings.DATA_DIR = tmp_path
    stage = Stage.open(tmp_path)
    Wish.objects.create(phone=stage.phone, desired="run")
    stage.connect()
    stage.told = []
    stage.episode.session = SimpleNamespace(tell=stage.told.append)
    stage.episode.errands = Errands(stage.episode)
    return stage


def look(stage):
    return at_once(stage.episode.errands.look())


def answer(stage, **fields):
    return stage.line("result", id=stage.told[-1]["id"], **fields)


def asked(stage) -> PhoneRequest:
    request = verbs.clear(stage.phone, log_out=True)
    assert look(stage) is None
    assert [line["do"] for line in stage.told] == ["logout"]
    return request


def outcome(stage, ending, request):
    stage.settle(ending)
    request.refresh_from_db()
    assert stage.status == Status.LOGGED_OUT
    return request.result, stage.facts.cause


def test_a_confirmed_logout_is_an_unlink(stage):
    request = asked(stage)
    assert outcome(stage, answer(stage, ok=True), request) == ("done", "l1")
    assert not PhoneRequest.objects.open().exists()


@pytest.mark.parametrize("way", ["refused", "silent", "process"])
def test_without_whatsapps_word_the_keys_go_all_the_same(stage, way):
    request = asked(stage)
    match way:
        case "refused":
            ending = answer(stage, ok=False, error="no")
        case "silent":
            ending = stage.rings(TIMER)
        case "process":
            stage.dies()
            ending = at_once(stage.episode.errands.close([]))
    assert ending.told
    assert outcome(stage, ending, request) == ("done", "cleared_by_person")
    assert "did not confirm" in request.answer["note"]


def test_its_last_word_counts(stage):
    request = asked(stage)
    said = [{"event": "result", "id": stage.told[-1]["id"], "ok": True}]
    ending = at_once(stage.episode.errands.close(said))
    assert outcome(stage, ending, request) == ("done", "l1")


def test_a_session_that_is_not_connected_is_not_waited_for(stage):
    stage.lose()
    request = verbs.clear(stage.phone, log_out=True)
    ending = look(stage)
    assert (ending.word, ending.told, stage.told) == ("clear", False, [])
    assert outcome(stage, ending, request) == ("done", "cleared_by_person")
    assert "was not connected" in request.answer["note"]


def test_a_plain_clear_asks_nobody(stage):
    request = verbs.clear(stage.phone)
    ending = look(stage)
    assert (ending.told, stage.told) == (False, [])
    assert outcome(stage, ending, request) == ("done", "cleared_by_person")
    assert request.answer == {}


def test_a_stop_in_its_midst_waits_for_the_answer(stage):
    request = asked(stage)
    verbs.stop(stage.phone)
    assert look(stage) is None
    assert outcome(stage, answer(stage, ok=True), request) == ("done", "l1")


def test_keys_are_not_put_back_under_a_running_session(stage):
    request = PhoneRequest.objects.create(
        phone=stage.phone,
        kind=PhoneRequest.Kind.PUT_BACK,
        payload={"quarantine": 1},
        expires_at=verbs.clear(stage.phone).expires_at,
    )
    PhoneRequest.objects.filter(kind=PhoneRequest.Kind.CLEAR).delete()
    assert look(stage) is None
    request.refresh_from_db()
    assert (request.result, Quarantine.objects.count()) == ("failed", 0)
