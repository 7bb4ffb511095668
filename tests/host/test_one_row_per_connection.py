"""Every connection that ended has exactly one row, with the cause that ended it."""

from __future__ import annotations

import pytest

from metrics.models import ConnectionMetrics
from metrics.record_text import LOSSES
from sessions.models import SessionFacts
from tests.host.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
CONNECTED = ("connected", "", None)
RAW = '<stream:error code="516"/>'


@pytest.fixture
def stage(tmp_path) -> Stage:
    stage = Stage.open(tmp_path)
    stage.connect()
    return stage


def losses(stage: Stage) -> list[tuple[str, int | None]]:
    """Rows of connections that ended: the others never had been connected."""
    rows = ConnectionMetrics.objects.filter(
        phone=stage.phone, event__in=LOSSES, connected_seconds__isnull=False
    )
    return [*rows.order_by("id").values_list("cause", "error_code")]


def test_a_loss_that_is_ridden_out(stage: Stage):
    stage.lose()
    stage.connect()
    assert stage.rows == [CONNECTED, ("disconnected", "n1", 428), CONNECTED]


def test_a_loss_whose_ride_is_ended_by_its_deadline(stage: Stage):
    stage.lose()
    stage.settle(stage.rings("ride"))
    assert stage.rows == [CONNECTED, ("disconnected", "n1", 428)]
    assert (stage.facts.cause, stage.facts.rule) == ("n1", "backoff")
    assert len(stage.facts.losses) == 1


def test_a_stream_error_and_the_loss_it_causes(stage: Stage):
    stage.line("stream_error", code="516", tag="", raw=RAW)
    stage.lose()
    assert stage.rows == [CONNECTED, ("disconnected", "s3", 516)]
    row = ConnectionMetrics.objects.get(phone=stage.phone, cause="s3")
    assert row.evidence["fields"]["raw"] == RAW
    assert row.error_message == "stream error 516"


def test_a_stream_error_that_no_loss_follows(stage: Stage):
    stage.line("stream_error", code="516", tag="", raw=RAW)
    stage.rings("stream_error")
    assert stage.rows == [CONNECTED, ("error", "s3", 516)]
    stage.lose()
    assert losses(stage) == [("s3", 516)]


def test_a_reconnect_that_the_keepalive_forced(stage: Stage):
    """No Disconnected comes before it: the second Connected tells of the loss."""
    stage.line("keepalive_timeout", error_count=1, last_success=0)
    stage.line("keepalive_timeout", error_count=2, last_success=0)
    stage.connect()
    assert stage.rows == [
        CONNECTED,
        ("error", "n2", 408),  # one for the whole silence
        ("disconnected", "n2", 408),
        CONNECTED,
    ]
    assert losses(stage) == [("n2", 408)]
    assert len(stage.facts.reconnects) == 1


def test_a_connection_that_ended_before_it_was_announced(stage: Stage):
    """Nothing was unanswered, so nothing was forced."""
    stage.connect()
    assert stage.rows == [CONNECTED, ("disconnected", "n1", 428), CONNECTED]
    assert losses(stage) == [("n1", 428)]


def test_a_restart_that_whatsapp_asked_for_is_no_loss(stage: Stage):
    stage.log("Got 515 code, reconnecting...", level="INFO")
    stage.connect()
    assert stage.rows == [CONNECTED, CONNECTED]
    assert losses(stage) == []
    assert stage.facts.reconnects == []


def test_a_restart_that_whatsapp_asked_for_and_that_fails(stage: Stage):
    stage.log("Got 515 code, reconnecting...", level="INFO")
    failed = stage.log("Failed to reconnect after 515 code: dial", level="ERROR")
    stage.settle(failed)
    assert stage.rows == [CONNECTED, ("disconnected", "s1", 515)]
    assert losses(stage) == [("s1", 515)]


def test_a_restart_that_whatsapp_asked_for_and_that_never_ends(stage: Stage):
    stage.log("Got 515 code, reconnecting...", level="INFO")
    stage.settle(stage.rings("online"))
    assert losses(stage) == [("s1", 515)]
    assert (stage.facts.rule, stage.phone.qr_code) == ("backoff", None)


@pytest.mark.parametrize(
    ("event", "fields", "row"),
    [
        ("stream_replaced", {}, ("disconnected", "r1", 440)),
        ("logged_out", {"reason": "LOGGED_OUT"}, ("logged_out", "u1", 401)),
        # After a forced reconnect that WhatsApp refused: no Disconnected came.
        ("client_outdated", {}, ("disconnected", "o1", 405)),
        ("connect_failure", {"code": 400}, ("disconnected", "f1", 400)),
        ("temporary_ban", {"code": 101, "expire": 9}, ("disconnected", "b1", 402)),
        ("connect_raised", {"text": "failed to dial"}, ("disconnected", "n3", 408)),
    ],
)
def test_what_ends_the_session_ends_its_connection(stage: Stage, event, fields, row):
    ending = stage.line(event, **fields)
    if row[0] != "logged_out":  # its keys are wiped, which is tested elsewhere
        stage.settle(ending)
        assert stage.rows == [CONNECTED, row]
        assert losses(stage) == [row[1:]]
    assert (ending.said.cause, ending.said.code) == row[1:]
    assert ending.event == row[0]


@pytest.mark.parametrize(
    ("event", "fields", "row"),
    [
        ("client_outdated", {}, ("error", "o1", 405)),
        ("connect_failure", {"code": 400}, ("error", "f1", 400)),
        ("connect_raised", {"text": "failed to dial"}, ("error", "n3", 408)),
    ],
)
def test_a_refusal_after_a_loss_ends_no_second_connection(
    stage: Stage, event, fields, row
):
    stage.lose()
    stage.settle(stage.line(event, **fields))
    assert stage.rows == [CONNECTED, ("disconnected", "n1", 428), row]
    assert losses(stage) == [("n1", 428)]


def test_a_crash_of_a_connected_process(stage: Stage):
    stage.settle(stage.dies(-11, "SIGSEGV: segmentation violation\ngoroutine 1"))
    assert stage.rows == [CONNECTED, ("crashed", "l2", 139)]
    assert losses(stage) == [("l2", 139)]


def test_a_crash_while_a_loss_is_ridden_out(stage: Stage):
    stage.lose()
    stage.settle(stage.dies())
    assert stage.rows[-2:] == [("disconnected", "n1", 428), ("crashed", "l2", 137)]
    assert losses(stage) == [("n1", 428)]


def test_an_overloaded_server_is_one_loss_and_one_refusal(stage: Stage):
    stage.lose()
    for _ in range(5):
        stage.log("Got 503 connect failure, assuming automatic reconnect")
        stage.lose()
    assert stage.rows == [
        CONNECTED,
        ("disconnected", "n1", 428),
        ("error", "f3", 503),
    ]
    stage.settle(stage.rings("ride"))
    assert len(stage.rows) == 3
    assert losses(stage) == [("n1", 428)]


def test_a_silent_process(stage: Stage):
    stage.inbox.set_timer("silence", 0)
    stage.settle(stage.rings("silence"))
    assert stage.killed == 1
    assert losses(stage) == [("hung", None)]


def test_a_store_that_does_not_keep_what_the_session_learns(stage: Stage):
    ending = stage.log(
        "Failed to save: database is locked", level="ERROR", logger="Whatsmeow.Database"
    )
    stage.settle(ending)
    assert stage.rows == [CONNECTED, ("disconnected", "l3", None)]
    assert losses(stage) == [("l3", None)]


def test_the_loss_that_a_guard_answers(stage: Stage):
    SessionFacts.objects.filter(phone=stage.phone).update(
        reconnects=[stage.facts.connected_at.isoformat()] * 6
    )
    stage.begin()
    stage.connect()
    stage.settle(stage.lose())
    assert losses(stage) == [("n1", 428)]
    assert stage.rows[-2:] == [("disconnected", "n1", 428), ("error", "flapping", None)]
