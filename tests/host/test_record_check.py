"""A request to check the auth records ends with a verdict, or with the reason."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sessions import verbs
from sessions.auth.errors import BrokenStore, StoreUnavailable
from sessions.auth.keys import ensure_stamp
from sessions.host import record_check
from sessions.host.aftermath import Aftermath
from sessions.host.errands import Errands
from sessions.host.launch import LaunchRefused
from sessions.host.paths import PhonePaths
from sessions.models import AuthReport, PhoneRequest
from tests.host.stage import Stage, at_once


@pytest.fixture
def stage(tmp_path, db):
    ensure_stamp()
    stage = Stage.open(tmp_path)
    stage.house.directory = tmp_path
    return stage


def live(*, report=None, error=None):
    """The copy of the keys of a session that runs; or of one that just ended."""

    async def examine():
        if error is not None:
            raise error
        return report

    return SimpleNamespace(examine=examine)


def ask(stage, keys):
    stage.episode.keys = keys
    stage.episode.errands = Errands(stage.episode)
    request = verbs.check(stage.phone)
    at_once(stage.episode.errands._request(request))
    request.refresh_from_db()
    return request


def test_the_verdict_is_the_answer(stage):
    report = AuthReport(phone=stage.phone, verdict="suspicious")
    request = ask(stage, live(report=report))
    assert (request.result, request.answer) == ("done", {"verdict": "suspicious"})


def test_a_file_that_cannot_be_read_now_is_the_reason(stage):
    request = ask(stage, live(error=StoreUnavailable("The disk is full.")))
    assert (request.result, request.answer) == (
        "failed",
        {"error": "The disk is full."},
    )


def test_beside_a_session_that_just_ended_what_is_at_rest_is_checked(stage):
    request = ask(stage, live())
    assert (request.result, request.answer) == ("done", {"verdict": "empty"})
    assert AuthReport.objects.get().host_name == ""


def test_without_a_session_a_damaged_file_is_the_verdict(stage, tmp_path):
    paths = PhonePaths.of(stage.phone.pk, tmp_path)
    paths.store.write_text("not a database\n" * 500)
    request = verbs.check(stage.phone)
    assert request.claim(stage.fence.epoch)
    at_once(record_check.answer(stage.scribe, paths, request))
    request.refresh_from_db()
    assert (request.result, request.answer) == ("done", {"verdict": "broken"})
    kept = AuthReport.objects.get()
    assert (kept.host_name, kept.findings[0]["check"]) == ("one", "w01")


def test_a_request_is_answered_once(stage):
    request = ask(stage, live(report=AuthReport(verdict="healthy")))
    assert not PhoneRequest.objects.get(pk=request.pk).claim(stage.fence.epoch)


def test_a_start_that_a_check_refused_names_it(stage):
    broken = BrokenStore.of("w11", column="noise_key")
    refusal = LaunchRefused("broken_store", str(broken), broken.finding)
    paths = PhonePaths.of(stage.phone.pk, stage.directory)
    aftermath = Aftermath(stage.house, stage.scribe, paths, generation=1)
    at_once(aftermath.not_launched(refusal, keys=True))
    assert stage.facts.cause == "broken_store"
    assert stage.facts.cause_values["check"] == "w11"
    assert stage.facts.cause_values["check_values"] == {"column": "noise_key"}
    assert "noise_key" in stage.facts.cause_values["reason"]
    assert stage.status == "held"
