"""From a phone's keys to a running session process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from phones.numbers import mask_number
from sessions.auth.errors import (
    BrokenStore,
    KeysExist,
    NoKeys,
    StoreInUse,
    StoreUnavailable,
    WrongRealm,
)
from sessions.auth.mirror import Mirror
from sessions.auth.open_store import open_for_pairing, open_for_start
from sessions.auth.report import note_refusal
from sessions.auth.store_file import StoreFile
from sessions.client.store_schema import SchemaError, create_schema
from sessions.client.wire import SessionSettings
from sessions.host.episode import Episode
from sessions.host.house import House
from sessions.host.inbox import Inbox, Item, Nudge
from sessions.host.journal import Entry
from sessions.host.key_copy import KeyCopy
from sessions.host.live_session import LiveSession
from sessions.host.paths import PhonePaths
from sessions.host.scribe import Scribe
from sessions.host.tenure import Tenure
from sessions.models import (
    LeaseLost,
    Pairing,
    PairingState,
    PhoneLease,
    PhoneRequest,
)
from sessions.policy.auth_findings import Finding
from sessions.proxies import ProxyAddress, ProxyUnreadable, decrypted

logger = logging.getLogger(__name__)

JOINERS = " \u200d\ufe0f"
DEVICE_NAME_LIMIT = 60  # characters of the organization's name on the phone's list

Opening = Callable[..., StoreFile]
CAUSES_OF: dict[type[Exception], str] = {
    NoKeys: "keys_cleared",
    KeysExist: "refused",
    BrokenStore: "broken_store",
    WrongRealm: "wrong_realm",
    StoreInUse: "hung",
    StoreUnavailable: "l3",
    ProxyUnreadable: "refused",
}


class LaunchRefused(Exception):
    """No process was started: the id of the cause, and what its sentence names.

    failed: the check of the auth records that did not hold.
    """

    def __init__(
        self, cause: str, reason: str = "", failed: Finding | None = None
    ) -> None:
        super().__init__(reason or cause)
        self.cause = cause
        self.reason = reason
        self.failed = failed


class StartPostponed(Exception):
    """No process was started: an incident began, or a person cleared the keys, while
    the phone queued for it."""


class HostStops(Exception):
    """No process was started, because the host hands its phones over."""


@dataclass
class Launch:
    """Starts episodes of one phone."""

    house: House
    scribe: Scribe
    inbox: Inbox
    paths: PhonePaths
    tenure: Tenure
    _proxy: ProxyAddress | None = field(default=None, init=False)

    async def login(self) -> Episode:
        """An episode with the stored device.

        Raises LaunchRefused, StartPostponed, HostStops or LeaseLost.
        """
        store, jid = await self._opened(open_for_start)
        if jid is None:
            store.close()
            raise LaunchRefused("vanished")
        return await self._start(store, jid, Status.CONNECTING)

    async def pair(self, pairing: Pairing) -> Episode:
        """An episode that shows a QR; the row is claimed.

        If an earlier attempt left a paired device here, its login is finished instead.
        """
        store, jid = await self._opened(open_for_pairing)
        self.scribe.pairing_id = pairing.pk
        await self.scribe.write(
            Entry(
                status=Status.PAIRING,
                facts={"cause": "", "cause_values": {}, "next_at": None, "rule": ""},
                pairing={
                    "state": PairingState.STARTING,
                    "host_name": self.house.host.name,
                    "started_at": timezone.now(),
                },
            )
        )
        return await self._start(store, jid, Status.PAIRING)

    async def _opened(self, opening: Opening) -> tuple[StoreFile, str | None]:
        async with self.house.openings:
            return await self.house.threads.patiently(self._open, opening)

    def _open(self, opening: Opening) -> tuple[StoreFile, str | None]:
        """The store, and the JID of the device in it."""
        phone, fence = self.scribe.journal.phone, self.scribe.journal.fence
        leases = PhoneLease.objects.select_related("phone__proxy")
        lease = leases.get(phone=phone)
        try:
            self._proxy = self._own_proxy(lease.phone)
            store = opening(phone, lease, fence, self.paths.store, create_schema)
            return store, store.device_jid()
        except BrokenStore as error:
            note_refusal(phone, error.finding, self.house.host.name)
            cause = CAUSES_OF[BrokenStore]
            raise LaunchRefused(cause, str(error), error.finding) from error
        except tuple(CAUSES_OF) as error:
            raise LaunchRefused(CAUSES_OF[type(error)], str(error)) from error
        except (SchemaError, OSError) as error:
            raise LaunchRefused("l3", str(error)) from error

    def _own_proxy(self, phone: OrganizationPhone) -> ProxyAddress | None:
        saved = getattr(phone, "proxy", None)
        if saved is None:
            return None
        if self.house.realm == "sandbox":
            raise LaunchRefused(
                "refused",
                f"it has a proxy of its own, {saved.shown}, and the sandbox is on this "
                "machine alone; clear the proxy",
            )
        return decrypted(saved)

    async def _start(
        self, store: StoreFile, jid: str | None, status: Status
    ) -> Episode:
        journal = self.scribe.journal
        try:
            await self._wait_for_turn()
            if self.house.stopping:
                raise HostStops
            if status == Status.CONNECTING and self._is_held_now():
                raise StartPostponed
        except BaseException:
            store.close()
            raise
        handle = await self.house.spawn(lambda: self._settings(jid))
        session = LiveSession(handle, self.inbox.queue, journal.phone.pk)
        self.tenure.serve(session)
        logger.info(
            "session started phone=%s number=%s pid=%s epoch=%s",
            journal.phone.pk,
            mask_number(journal.phone.phone_number),
            session.pid,
            journal.fence.epoch,
        )
        episode = Episode(
            house=self.house,
            scribe=self.scribe,
            inbox=self.inbox,
            session=session,
            keys=KeyCopy(
                self.scribe, self.inbox, Mirror(journal.phone, journal.fence, store)
            ),
            errors=self.paths.errors,
        )
        episode.diagnosis.proxy = self._proxy.shown if self._proxy is not None else ""
        try:
            await self.scribe.write(
                Entry(
                    status=status,
                    facts={
                        "host_name": self.house.host.name,
                        "connected_at": None,
                        "next_at": None,
                    },
                    lease={
                        "session_pid": session.pid,
                        "session_start_time": handle.start_time,
                    },
                )
            )
        except BaseException:
            self.tenure.served()
            await session.end(polite=False)
            raise
        return episode

    async def _wait_for_turn(self) -> None:
        """Starts have their pace; a clear and the end of the host do not wait for it.

        Raises StartPostponed, HostStops or LeaseLost; other nudges are kept for later.
        """
        turn = asyncio.ensure_future(self._turn())
        kept: list[Item] = []
        word: asyncio.Future[Item] | None = None
        try:
            while not turn.done():
                word = asyncio.ensure_future(self.inbox.next())
                await asyncio.wait({turn, word}, return_when=asyncio.FIRST_COMPLETED)
                if not word.done():
                    break
                kept.append(word.result())
                if kept[-1] == Nudge("lost"):
                    raise LeaseLost(f"phone={self.scribe.journal.phone.pk}")
                if self.house.stopping:
                    raise HostStops
                if await self.house.threads.patiently(self._is_cleared):
                    raise StartPostponed
            await turn
        finally:
            turn.cancel()
            if word is not None:
                word.cancel()
            for item in kept:
                self.inbox.put(item)

    async def _turn(self) -> None:
        if not self.house.sense.goes_ahead(self.scribe.journal.phone.pk):
            await self.house.budget.permission()
        await self.tenure.lasts()

    def _is_cleared(self) -> bool:
        clears = PhoneRequest.objects.claimable().filter(
            phone=self.scribe.journal.phone, kind=PhoneRequest.Kind.CLEAR
        )
        return clears.exists()

    def _is_held_now(self) -> bool:
        facts = self.scribe.journal.facts
        return self.house.sense.holding(facts, starting=True) is not None

    def _settings(self, jid: str | None) -> SessionSettings:
        phone = self.scribe.journal.phone
        wanted = settings.WHATSAPP_DEBUG_PHONES
        return SessionSettings(
            phone_id=phone.pk,
            store_path=str(self.paths.store),
            realm=self.house.realm,
            jid=jid,
            device_name=device_name(phone.organization.name),
            deadline=self.tenure.deadline,
            lock_path=str(self.paths.lock),
            stderr_path=str(self.paths.errors),
            root_key=self.house.root_key,
            proxy=self._proxy.url if self._proxy is not None else None,
            debug=str(phone.pk) in wanted or phone.phone_number in wanted,
            alive_seconds=settings.WHATSAPP_HEARTBEAT.total_seconds(),
        )


def device_name(organization: str) -> str:
    """What the phone lists under Linked devices; set once, at the pairing."""
    name = " ".join(organization.split())[:DEVICE_NAME_LIMIT]
    # A cut may leave half of a joined emoji, which would join the bracket.
    return f"Switchboard ({name.rstrip(JOINERS)})"
