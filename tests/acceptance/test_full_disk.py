"""The disk of DATA_DIR is full: said plainly, and over as soon as there is room."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from phones.models import Status
from sessions import verbs
from sessions.models import BaileysAuth, PairingState, PhoneRequest, Quarantine
from tests.acceptance.disks import small_disk
from tests.acceptance.fleet import Fleet, is_alive
from tests.acceptance.lives import facts_of, record
from tests.factories import make_phone

TEXT = "can you hear me?"


def sent(fleet: Fleet, sender, receiver) -> PhoneRequest:
    """A text that was sent, or was not: its closed request."""
    request = verbs.send(sender, to=receiver.phone_number, text=TEXT)
    fleet.wait(
        lambda: (
            PhoneRequest.objects.filter(pk=request.pk).exclude(done_at=None).exists()
        ),
        "the end of the send",
    )
    request.refresh_from_db()
    return request


@pytest.mark.sqlite
def test_a_full_disk_stops_sending_and_linking_but_costs_no_keys(
    fleet: Fleet, phone, organization, tmp_path: Path
):
    other, new = make_phone(organization), make_phone(organization)
    with small_disk(tmp_path / "disk") as disk:
        host = fleet.start_host("one", disk.path)
        jids = fleet.link_all([phone, other])
        assert sent(fleet, phone, other).result == PhoneRequest.Result.DONE
        fleet.wait(lambda: facts_of(other).received == 1, "the first message")
        disk.fill(host)
        verbs.link(new)
        pairing = fleet.wait_pairing(new, PairingState.FAILED)
        assert pairing.cause == "l3"
        before = fleet.session_pid(other)
        verbs.restart(other)
        fleet.wait(lambda: fleet.session_pid(other) != before, "the end of its session")
        if disk.mounted:  # a limit is on the session processes alone, not on the host
            fleet.wait(
                lambda: ("error", "l3", None) in record(other), "the storage error"
            )
        assert facts_of(other).linked
        disk.free(host)
        fleet.wait_status(other, Status.CONNECTED)
        assert sent(fleet, phone, other).result == PhoneRequest.Result.DONE
        fleet.wait(lambda: facts_of(other).received == 2, "the second message")
        fleet.link(new)
        assert not Quarantine.objects.exists()
        assert BaileysAuth.objects.filter(key="creds").count() == 3
        assert fleet.device(jids[0])["double_logins"] == 0
        assert host.terminate() == 0


@pytest.mark.sqlite
def test_a_session_that_cannot_save_is_started_again_with_its_keys(
    fleet: Fleet, phone, organization
):
    """What it learns and does not keep would fork its Signal sessions."""
    other = make_phone(organization)
    fleet.start_host()
    jid, _ = fleet.link_all([phone, other])
    pid = fleet.session_pid(phone)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert sent(fleet, phone, other).result == PhoneRequest.Result.FAILED
    fleet.wait(lambda: not is_alive(pid), "the end of the session")
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    assert [row for row in record(phone) if row[1]] == [("disconnected", "l3", None)]
    assert sent(fleet, phone, other).result == PhoneRequest.Result.DONE
    assert not Quarantine.objects.exists()
