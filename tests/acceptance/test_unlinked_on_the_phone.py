"""WhatsApp ends the login: the keys go to the quarantine, and only a person links."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import BaileysAuth, Quarantine
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import (
    assert_quiet,
    facts_of,
    link_long_ago,
    record,
    wait_given_back,
)
from tests.sandbox.clients import Watch


def assert_logged_out(phone: OrganizationPhone, cause: str) -> None:
    assert phone.status == Status.LOGGED_OUT
    assert phone.qr_code is None
    facts = facts_of(phone)
    assert (facts.linked, facts.cause, facts.next_at) == (False, cause, None)
    assert not BaileysAuth.objects.exists()
    kept = Quarantine.objects.get(phone=phone)
    assert (kept.reason, kept.logged_out) == (cause, True)
    assert kept.row_count >= 1
    assert kept.purge_at - kept.at == timedelta(days=7)


def test_unlinked_while_online_it_is_logged_out_and_nobody_knocks_again(
    fleet: Fleet, phone
):
    host = fleet.start_host()
    jid = link_long_ago(fleet, phone)
    stores = host.directory / "stores"
    assert (stores / f"phone-{phone.pk}.sqlite3").exists()
    watch = Watch(fleet.sandbox)
    fleet.sandbox.unlink(jid)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    assert_logged_out(phone, "u1")
    assert record(phone)[-1] == ("logged_out", "u1", 401)
    wait_given_back(fleet, phone)
    assert not list(stores.glob("*.sqlite3*"))
    assert_quiet(fleet, watch, phone)
    with pytest.raises(verbs.VerbRefused):
        verbs.start(phone)
    fleet.link(phone)  # a new scan is all it takes


def test_unlinked_while_offline_it_is_seen_at_the_next_login(fleet: Fleet, phone):
    fleet.start_host()
    jid = link_long_ago(fleet, phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    fleet.sandbox.unlink(jid)
    watch = Watch(fleet.sandbox)
    verbs.start(phone)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    assert_logged_out(phone, "u2")
    assert record(phone)[-1] == ("logged_out", "u2", 401)
    wait_given_back(fleet, phone)
    assert len(watch.events("login")) == 1
    assert_quiet(fleet, Watch(fleet.sandbox), phone)


def test_rejected_right_after_linking_it_shuts_link_for_half_an_hour(
    fleet: Fleet, phone
):
    fleet.start_host()
    fleet.sandbox.unlink(fleet.link(phone))
    fleet.wait_status(phone, Status.LOGGED_OUT)
    assert_logged_out(phone, "u5")
    remaining = facts_of(phone).link_shut_until - timezone.now()
    assert timedelta(minutes=29) < remaining <= timedelta(minutes=30)
    with pytest.raises(verbs.VerbRefused, match="right after linking"):
        verbs.link(phone, confirmed=True)


@pytest.mark.parametrize(("code", "cause"), [(403, "u3"), (406, "u4")])
def test_a_locked_or_banned_account_is_linked_again_only_when_confirmed(
    fleet: Fleet, phone, code, cause
):
    fleet.start_host()
    jid = fleet.link(phone)
    fleet.sandbox.fault("refuse_login", jid=jid, code=code, times=1)
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    assert_logged_out(phone, cause)
    assert record(phone)[-1] == ("logged_out", cause, code)
    with pytest.raises(verbs.VerbRefused, match="confirm"):
        verbs.link(phone)
    assert verbs.link(phone, confirmed=True).is_active
