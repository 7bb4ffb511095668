"""Clearing a phone's keys, or putting them back, when no host is there to do it.

The caretaker takes the phone's lease like a host would, so it can meet none: a host
that is down cannot block it, a host that runs keeps it out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.db import connection

from phones.models import OrganizationPhone
from sessions.auth import report
from sessions.auth.keys import check_stamp
from sessions.host import returning
from sessions.host.clearing import cleared, may_have_been_told
from sessions.host.database_locks import alone
from sessions.host.identity import FileLock, database_lock_path
from sessions.host.journal import Journal
from sessions.host.leftovers import end_previous_process
from sessions.host.paths import PhonePaths
from sessions.host.wiping import nothing_to_wipe, wiped
from sessions.models import (
    BaileysAuth,
    Fence,
    Host,
    Pairing,
    PhoneLease,
    PhoneRequest,
    SessionFacts,
)


class PhoneIsKept(Exception):
    """A host has the phone: it does what is asked."""


def carry_out(request: PhoneRequest) -> None:
    """Do a clear, a put-back or a check that nobody else is doing.

    Raises PhoneIsKept while a host has the phone, ImproperlyConfigured when AUTH_KEYS
    do not fit the database: the quarantine would be unreadable.
    """
    check_stamp()
    if request.kind == PhoneRequest.Kind.CHECK:
        _check(request)
        return
    told = may_have_been_told(request)
    with kept_without_host(request.phone) as journal:
        if not request.claim(journal.fence.epoch):
            return  # done or withdrawn meanwhile
        if request.kind == PhoneRequest.Kind.PUT_BACK:
            returning.put_back_at_once(journal, request)
        else:
            _clear(journal, request, told=told)


def _check(request: PhoneRequest) -> None:
    """Of the central copy; it reads only, so nobody has to be kept out."""
    with _hosts_kept_out():
        _refuse_if_leased(request.phone)
    found = report.check_phone(request.phone)
    request.close(PhoneRequest.Result.DONE, verdict=found.verdict)


def _clear(journal: Journal, request: PhoneRequest, *, told: bool) -> None:
    phone, paths = journal.phone, _paths(journal.phone)
    ending = cleared(request, told=told)
    pairing = Pairing.objects.active().filter(phone=phone).first()
    anything = (
        pairing is not None
        or journal.facts.linked
        or paths.store.exists()
        or BaileysAuth.objects.of(phone).exists()
    )
    entry = wiped(phone, ending) if anything else nothing_to_wipe(phone, ending)
    journal.write(entry, pairing_id=pairing.pk if pairing is not None else None)
    paths.remove_store()


@contextmanager
def kept_without_host(phone: OrganizationPhone) -> Iterator[Journal]:
    """Its journal, under a lease that no host has; no session process is alive here.

    Raises PhoneIsKept.
    """
    with _hosts_kept_out(), _leased(phone) as fence:
        lease = PhoneLease.objects.get(phone=phone)
        gone = end_previous_process(
            pid=lease.session_pid,
            start_time=lease.session_start_time,
            lock=_paths(phone).lock,
        )
        if not gone:
            raise PhoneIsKept(f"phone={phone.pk} pid={lease.session_pid}")
        phone.refresh_from_db()
        facts, _ = SessionFacts.objects.get_or_create(phone=phone)
        yield Journal(fence, phone, facts, host_name="")


@contextmanager
def _hosts_kept_out() -> Iterator[None]:
    """By the single host's own lock; with several hosts the lease is enough."""
    with ExitStack() as held:
        if connection.vendor == "sqlite":
            lock = FileLock(database_lock_path())
            if not lock.take():
                raise PhoneIsKept("a host runs on this database")
            held.callback(lock.release)
        elif settings.WHATSAPP_SINGLE_HOST and not held.enter_context(alone()):
            raise PhoneIsKept("a host runs on this database")
        yield


def _refuse_if_leased(phone: OrganizationPhone) -> None:
    """A single host that is dead leaves its leases as they were."""
    leased = PhoneLease.objects.current().filter(phone=phone)
    if not settings.WHATSAPP_SINGLE_HOST and leased.exists():
        raise PhoneIsKept(f"phone={phone.pk}")


@contextmanager
def _leased(phone: OrganizationPhone) -> Iterator[Fence]:
    """Beside another row that runs this number: no session is started."""
    _refuse_if_leased(phone)
    name = f"caretaker-{uuid.uuid4()}"
    caretaker = Host.objects.create(pk=uuid.uuid4(), name=name)
    try:
        fence = PhoneLease.objects.acquire(
            phone=phone, host_id=caretaker.pk, to_run=False
        )
        if fence is None:
            raise PhoneIsKept(f"phone={phone.pk}")
        try:
            yield fence
        finally:
            PhoneLease.objects.release(fence)
    finally:
        caretaker.delete()


def _paths(phone: OrganizationPhone) -> PhonePaths:
    return PhonePaths.of(phone.pk, settings.DATA_DIR)
