"""Which keys a phone starts with: the local file, or one rebuilt from the copy.

Steps, in an order in which a crash after any of them loses nothing:
1. The local file wins when it is sound, holds a device, and neither its epoch nor its
   sequence is behind the lease's. Else it is replaced by one made from BaileysAuth.
2. The file is stamped with this epoch.
3. What a rebuild changed is copied, so that the next rebuild starts from there and
   repeats no id. With a device, the lease's auth_epoch becomes this epoch: from
   now on a file of any other host is an old one. Only then may a session start.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

from django.conf import settings

from phones.models import OrganizationPhone
from sessions.auth import central_copy
from sessions.auth.errors import BrokenStore, KeysExist, NoKeys, StoreInUse
from sessions.auth.mirror import Mirror
from sessions.auth.rebuild import CreateSchema, discard, rebuild
from sessions.auth.store_file import StoreFile
from sessions.client.wire import Realm
from sessions.models import (
    AuthReport,
    BaileysAuth,
    Fence,
    LeaseLost,
    PhoneLease,
    fenced_write,
)

logger = logging.getLogger(__name__)


def open_for_start(
    phone: OrganizationPhone,
    lease: PhoneLease,
    fence: Fence,
    path: Path,
    create_schema: CreateSchema,
) -> StoreFile:
    """The phone's store at `path`, ready for a session; empty when it never had keys.

    `lease` is read after it was taken. Raises NoKeys, BrokenStore, WrongRealm,
    StoreInUse, StoreUnavailable or LeaseLost; the copy and a local file that may be
    needed are then as they were.
    """
    with locked(path):
        copied = BaileysAuth.objects.of(phone).exists()
        if lease.auth_sequence > 0 and not copied:
            raise NoKeys(
                "The central copy of this phone's keys was cleared: link it again."
            )
        store = _local(phone, lease, path, fence, copied=copied)
        if store is None:
            store = _rebuilt(phone, lease, path, fence, create_schema)
        return _claimed(store, phone, lease, fence)


def open_for_pairing(
    phone: OrganizationPhone,
    lease: PhoneLease,
    fence: Fence,
    path: Path,
    create_schema: CreateSchema,
) -> StoreFile:
    """An empty store to pair with.

    A device that was paired but never copied is still returned: its login is to be
    finished, not scanned again. Raises KeysExist when there is a central copy, and what
    open_for_start raises.
    """
    if BaileysAuth.objects.of(phone).exists():
        raise KeysExist("This phone has keys; unlink it or clear them first.")
    if lease.auth_sequence > 0:
        # Cleared by hand: what is left of it on disks is dead from now on.
        with locked(path), fenced_write(fence):
            forget_copy(fence)
            discard(path)
        lease.refresh_from_db()
    return open_for_start(phone, lease, fence, path, create_schema)


def forget_copy(fence: Fence) -> None:
    """The lease of a phone without keys; files of earlier epochs never win again."""
    PhoneLease.objects.filter(pk=fence.phone_id).update(
        auth_sequence=0, auth_epoch=fence.epoch
    )
    # What was seen of these keys says nothing of the next ones.
    AuthReport.objects.filter(pk=fence.phone_id).delete()


def _local(
    phone: OrganizationPhone,
    lease: PhoneLease,
    path: Path,
    fence: Fence,
    *,
    copied: bool,
) -> StoreFile | None:
    """The local file, stamped with this epoch, if it is the newest; else None."""
    if not path.exists():
        return None
    store = StoreFile(path)
    with ExitStack() as unless_used:
        unless_used.callback(store.close)
        try:
            if not is_newest(store, phone, lease):
                return None
            _freshen(store, phone, lease, fence)
        except BrokenStore as error:
            if not copied:
                raise
            logger.warning(
                "store file broken, using the copy phone=%s why=%s", phone.masked, error
            )
            return None
        unless_used.pop_all()
    return store


def is_newest(store: StoreFile, phone: OrganizationPhone, lease: PhoneLease) -> bool:
    """Raises BrokenStore or WrongRealm when it may not be used at all."""
    found = store.verify(phone, realm())
    newest = (
        found.device_jid is not None
        and found.meta.epoch >= lease.auth_epoch
        and found.sequence >= lease.auth_sequence
    )
    if not newest:
        logger.info(
            "store file not the newest phone=%s epoch=%d of %d",
            phone.masked,
            found.meta.epoch,
            lease.auth_epoch,
        )
    return newest


def _freshen(
    store: StoreFile, phone: OrganizationPhone, lease: PhoneLease, fence: Fence
) -> None:
    faults = store.freshen(realm(), phone.pk, fence.epoch, copied=lease.auth_sequence)
    for fault in faults:
        logger.warning("broken row dropped phone=%s %s", phone.masked, fault)


def _rebuilt(
    phone: OrganizationPhone,
    lease: PhoneLease,
    path: Path,
    fence: Fence,
    create_schema: CreateSchema,
) -> StoreFile:
    rebuild(
        path,
        central_copy.decrypted(BaileysAuth.objects.of(phone)),
        phone=phone,
        realm=realm(),
        epoch=fence.epoch,
        sequence=lease.auth_sequence,
        create_schema=create_schema,
    )
    logger.info("store file made phone=%s epoch=%d", phone.masked, fence.epoch)
    return StoreFile(path)


def _claimed(
    store: StoreFile, phone: OrganizationPhone, lease: PhoneLease, fence: Fence
) -> StoreFile:
    try:
        if store.device_jid() is not None:
            if store.sequence() != lease.auth_sequence:
                with fenced_write(fence):
                    Mirror(phone, fence, store).push_all()
                    _claim(fence)
            else:  # the usual case: one statement, which asks for the fence itself
                _claim(fence)
    except BaseException:
        store.close()
        raise
    return store


def _claim(fence: Fence) -> None:
    if not PhoneLease.objects.fenced(fence).update(auth_epoch=fence.epoch):
        raise LeaseLost(f"phone={fence.phone_id} epoch={fence.epoch}")


def realm() -> Realm:
    return cast(Realm, settings.WHATSAPP_REALM)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The session process's lock, beside the store: while we write, none may start."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreInUse(
                "A session process of this phone is still alive."
            ) from error
        yield
    finally:
        os.close(descriptor)
