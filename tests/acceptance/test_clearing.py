"""A clear always ends in what its page promised, and no login of the device follows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from phones.models import OrganizationPhone, Status
from sessions import stand_in, verbs
from sessions.models import (
    BaileysAuth,
    PairingState,
    PhoneLease,
    PhoneRequest,
    Quarantine,
)
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import assert_quiet, facts_of, wait_given_back
from tests.acceptance.test_verbs import DONE, wait_done
from tests.factories import make_phone
from tests.processes import manage
from tests.sandbox.clients import Watch, device_of

PROMISED = 30.0  # seconds
TTL = 8.0
SHORT_LEASES = {
    "WHATSAPP_LEASE_TTL": str(TTL),
    "WHATSAPP_LEASE_RENEW": "1",
    "WHATSAPP_LEASE_MARGIN": "1",
}


@dataclass
class Cleared:
    """A phone whose clear was asked for; `ends` waits and looks at what it left."""

    fleet: Fleet
    phone: OrganizationPhone
    request: PhoneRequest

    def ends(
        self, *, status: Status = Status.LOGGED_OUT, within: float = PROMISED
    ) -> Quarantine | None:
        assert wait_done(self.fleet, self.request, within) == DONE
        watch = Watch(self.fleet.sandbox)
        self.phone.refresh_from_db()
        assert (self.phone.status, self.phone.qr_code) == (status, None)
        assert not facts_of(self.phone).linked
        assert not BaileysAuth.objects.of(self.phone).exists()
        wait_given_back(self.fleet, self.phone)
        assert_quiet(self.fleet, watch, self.phone)
        return Quarantine.objects.filter(phone=self.phone).first()

    @property
    def note(self) -> str:
        return str(self.request.answer.get("note", ""))


def clear(fleet: Fleet, phone: OrganizationPhone, *, log_out: bool = False) -> Cleared:
    return Cleared(fleet, phone, verbs.clear(phone, log_out=log_out))


@pytest.fixture
def web(settings, tmp_path):
    """This process as the web process: a DATA_DIR of its own."""
    settings.DATA_DIR = tmp_path / "web"


def test_logged_out_first_the_phone_does_not_list_the_device_any_more(
    fleet: Fleet, phone
):
    fleet.start_host()
    jid = fleet.link(phone)
    cleared = clear(fleet, phone, log_out=True)
    kept = cleared.ends()
    assert device_of(fleet.sandbox, jid) is None
    assert facts_of(phone).cause == "l1"
    assert (kept.reason, kept.logged_out) == ("l1", True)
    assert "has logged the device out" in cleared.note
    assert "ended this device" in verbs.why_not_put_back(kept)


@pytest.mark.sqlite
def test_a_whatsapp_that_does_not_answer_delays_it_by_seconds(fleet: Fleet, phone):
    fleet.start_host()
    jid = fleet.link(phone)
    fleet.sandbox.fault("mute", jid=jid, what="all")
    cleared = clear(fleet, phone, log_out=True)
    kept = cleared.ends()
    took = cleared.request.done_at - cleared.request.requested_at
    assert took.total_seconds() < PROMISED / 2
    assert facts_of(phone).cause == "cleared_by_person"
    # It may have been logged out: what was sent is not taken back.
    assert (kept.reason, kept.logged_out) == ("cleared_by_person", True)
    assert "did not confirm" in cleared.note


@pytest.mark.sqlite
def test_a_plain_clear_overtakes_a_start_that_queues_and_a_login_without_answer(
    fleet: Fleet, organization
):
    queued, connecting = (make_phone(organization) for _ in range(2))
    host = fleet.start_host()
    jids = fleet.link_all([queued, connecting])
    assert host.terminate() == 0
    watch = Watch(fleet.sandbox)
    for jid in jids:
        fleet.sandbox.fault("no_success", jid=jid, seconds=60)
    fleet.start_host(directory=host.directory, WHATSAPP_STARTS_PER_SECOND="0.02")
    fleet.wait(
        lambda: (
            {queued.status, connecting.status} == {"connecting", "disconnected"}
            or queued.refresh_from_db()
            or connecting.refresh_from_db()
        ),
        "one that connects and one that queues",
    )
    for phone in (queued, connecting):
        # Nothing to log out from: WhatsApp is not told, and nobody waits for it.
        cleared = clear(fleet, phone, log_out=True)
        assert cleared.ends().logged_out is False
        assert "was not connected" in cleared.note
        took = cleared.request.done_at - cleared.request.requested_at
        assert took.total_seconds() < PROMISED / 3
    assert not watch.events("success_sent")


@pytest.mark.sqlite
def test_a_pairing_that_was_just_scanned_ends_with_it(fleet: Fleet, phone):
    fleet.start_host()
    verbs.link(phone)
    fleet.sandbox.scan(fleet.wait_code(phone), phone.phone_number)
    scanned = (PairingState.LINKING, PairingState.PAIRED, PairingState.RESTARTING)
    fleet.wait_pairing(phone, *scanned, PairingState.ONLINE)
    clear(fleet, phone).ends()
    assert fleet.pairing(phone).state in (PairingState.FAILED, PairingState.ONLINE)


@pytest.mark.sqlite
def test_a_full_host_clears_a_phone_that_nobody_runs(fleet: Fleet, organization):
    running, stopped = (make_phone(organization) for _ in range(2))
    host = fleet.start_host()
    fleet.link_all([running, stopped])
    verbs.stop(stopped)
    fleet.wait_status(stopped, Status.STOPPED)
    assert host.terminate() == 0
    fleet.start_host(directory=host.directory, WHATSAPP_CAPACITY="1")
    fleet.wait_status(running, Status.CONNECTED)
    assert clear(fleet, stopped).ends().logged_out is False
    running.refresh_from_db()
    assert running.status == Status.CONNECTED


@pytest.mark.sqlite
def test_a_phone_that_is_held_is_logged_out_when_it_was_cleared(fleet: Fleet, phone):
    fleet.start_host()
    fleet.link(phone)
    verbs.hold(phone)
    fleet.wait_status(phone, Status.HELD)
    wait_given_back(fleet, phone)
    assert clear(fleet, phone).ends().logged_out is False
    verbs.hold(phone)
    fleet.wait_status(phone, Status.HELD)


@pytest.mark.sqlite
def test_keys_put_back_log_in_as_the_same_device_without_a_scan(fleet: Fleet, phone):
    fleet.start_host()
    jid = fleet.link(phone)
    kept = clear(fleet, phone).ends()
    request = verbs.put_back(kept)
    assert wait_done(fleet, request) == DONE
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    assert phone.phone_jid == jid
    assert not Quarantine.objects.exists()
    # A second click finds a phone with keys.
    again = PhoneRequest.objects.create(
        phone=phone,
        kind=PhoneRequest.Kind.PUT_BACK,
        payload={"quarantine": kept.pk},
        expires_at=request.expires_at,
    )
    verbs.stop(phone)
    assert wait_done(fleet, again) == PhoneRequest.Result.FAILED
    assert again.answer["error"]


def test_without_any_host_the_page_and_the_terminal_do_it_themselves(
    fleet: Fleet, organization, web
):
    by_page, by_terminal = (make_phone(organization) for _ in range(2))
    host = fleet.start_host(**SHORT_LEASES)
    jids = fleet.link_all([by_page, by_terminal])
    host.kill_all()
    watch = Watch(fleet.sandbox)
    cleared = clear(fleet, by_page)
    stand_in.see_through([cleared.request])
    assert cleared.ends().logged_out is False
    ended = manage(
        "clear_auth",
        str(by_terminal.pk),
        "--yes",
        env=fleet.environment(host.directory) | SHORT_LEASES,
    )
    assert ended.returncode == 0, ended.stderr
    # The keys that the page cleared are in the dead host's files still; they are dead.
    fleet.start_host(directory=host.directory, **SHORT_LEASES)
    for phone in (by_page, by_terminal):
        phone.refresh_from_db()
        assert phone.status == Status.LOGGED_OUT
        verbs.link(phone)
        fleet.wait_code(phone)
    assert all(device_of(fleet.sandbox, jid) for jid in jids)
    assert not watch.events("login")


def test_keys_are_put_back_without_a_host_for_the_next_one(fleet: Fleet, phone, web):
    host = fleet.start_host(**SHORT_LEASES)
    jid = fleet.link(phone)
    assert host.terminate() == 0
    fleet.wait(lambda: stand_in.done(verbs.clear(phone)), "the clear")
    request = verbs.put_back(Quarantine.objects.get())
    fleet.wait(lambda: stand_in.done(request), "the return")
    assert request.result == DONE
    phone.refresh_from_db()
    assert (phone.status, phone.phone_jid) == (Status.DISCONNECTED, jid)
    fleet.start_host(directory=host.directory)
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)


@pytest.mark.postgresql
def test_a_clear_whose_host_was_killed_in_its_midst_is_done_by_the_next_owner(
    fleet: Fleet, phone, web
):
    """It was claimed, and the logout may have been sent."""
    host = fleet.start_host(**SHORT_LEASES)
    jid = fleet.link(phone)
    fleet.sandbox.fault("mute", jid=jid, what="all")
    cleared = clear(fleet, phone, log_out=True)

    def claimed() -> bool:
        cleared.request.refresh_from_db()
        return cleared.request.claimed_epoch is not None

    fleet.wait(claimed, "the claim")
    host.kill_all()
    stand_in.see_through([cleared.request])
    kept = cleared.ends(within=TTL + PROMISED)
    assert kept.logged_out is True
    fleet.start_host(directory=host.directory)
    assert_quiet(fleet, Watch(fleet.sandbox), phone)


@pytest.mark.postgresql
def test_another_host_clears_what_a_dead_one_ran_or_was_pairing(
    fleet: Fleet, organization
):
    ran, paired = (make_phone(organization) for _ in range(2))
    fleet.settings |= SHORT_LEASES
    one = fleet.start_host("one")
    jid = fleet.link(ran)
    verbs.link(paired)
    fleet.wait_code(paired)
    two = fleet.start_host("two")
    one.kill_all()
    watch = Watch(fleet.sandbox)
    for phone, status in ((ran, Status.LOGGED_OUT), (paired, Status.NEW)):
        kept = clear(fleet, phone).ends(status=status, within=TTL + PROMISED)
        assert (kept is not None) == (phone is ran)
    assert fleet.pairing(paired).state in (PairingState.FAILED, PairingState.EXPIRED)
    # The dead one comes back with its files: they are of an earlier epoch.
    fleet.start_host("one", one.directory)
    assert_quiet(fleet, watch, ran)
    assert device_of(fleet.sandbox, jid) is not None
    assert two.process.poll() is None


@pytest.mark.postgresql
def test_the_host_that_has_the_phone_clears_it_whichever_that_is(
    fleet: Fleet, organization
):
    first, second = (make_phone(organization) for _ in range(2))
    one = fleet.start_host("one", WHATSAPP_CAPACITY="1")
    fleet.link(first)
    fleet.start_host("two")
    fleet.link(second)
    hosts = {PhoneLease.objects.get(phone=phone).host.name for phone in (first, second)}
    assert hosts == {"one", "two"}
    for phone in (first, second):
        assert clear(fleet, phone).ends().logged_out is False
    assert one.process.poll() is None
