"""What the phone's last owner left unsaid: its process, its status, its pairing."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.utils import timezone

from metrics.models import Event
from phones.models import OrganizationPhone, Status
from sessions.auth.errors import AuthStoreError
from sessions.auth.store_file import StoreFile
from sessions.host.house import House
from sessions.host.journal import Entry, Happening
from sessions.host.leftovers import end_previous_process
from sessions.host.paths import PhonePaths
from sessions.host.scribe import Scribe
from sessions.models import BaileysAuth, Pairing, PairingState, PhoneLease
from sessions.policy.number_aliases import number_in, same_number

logger = logging.getLogger(__name__)

UP = (Status.CONNECTED, Status.UNPROVEN, Status.CONNECTING)
# Before the scan was seen there are no keys anywhere, so nothing is lost.
BEFORE_SCAN = (PairingState.STARTING, PairingState.QR)


class LeftProcess(Exception):
    """A session process of this phone is alive and cannot be ended."""


@dataclass
class PreviousLife:
    """Closes it before anything new begins."""

    house: House
    scribe: Scribe
    paths: PhonePaths
    lease: PhoneLease

    async def close(self) -> None:
        """Raises LeftProcess when a session process of this phone survives here."""
        gone = await self.house.threads.patiently(
            end_previous_process,
            pid=self.lease.session_pid,
            start_time=self.lease.session_start_time,
            lock=self.paths.lock,
        )
        if not gone:
            raise LeftProcess(f"phone={self.lease.phone_id}")
        pairing: Pairing | None = None
        if not self.scribe.journal.facts.linked:
            pairing = await self.house.threads.patiently(self._pairing)
        if pairing is not None:
            await self._close_pairing(pairing)
        elif self.scribe.journal.phone.status in UP:
            await self._close_session()
        self.house.lost.discard(self.lease.phone_id)

    def _pairing(self) -> Pairing | None:
        return (
            Pairing.objects.active()
            .exclude(state=PairingState.REQUESTED)
            .filter(phone_id=self.lease.phone_id)
            .first()
        )

    async def _close_session(self) -> None:
        """The session ended with its host, or with its lease; nobody wrote it down."""
        last_host = self.scribe.journal.facts.host_name
        # Another host may have had the phone since we lost it.
        ours = last_host == self.house.host.name and (
            self.lease.phone_id in self.house.lost
        )
        cause = "lease_lost" if ours else "host_lost"
        self.house.sense.noticed(self.lease.phone_id, cause)
        await self.scribe.write(
            Entry(
                status=Status.DISCONNECTED,
                facts={
                    "cause": cause,
                    "cause_values": {"host": last_host},
                    "connected_at": None,
                    "next_at": None,
                },
                happenings=[Happening(Event.DISCONNECTED, cause)],
            )
        )

    async def _close_pairing(self, pairing: Pairing) -> None:
        """Finish the login if a device row exists, here or in the copy."""
        self.scribe.pairing_id = pairing.pk
        jid = await self.house.threads.patiently(self._linked_jid)
        phone = self.scribe.journal.phone
        if jid is not None and same_number(phone.phone_number, number_in(jid)):
            await self._finish_pairing(pairing, jid)
            return
        state, values = PairingState.FAILED, {}
        if jid is not None:
            cause = "wrong_number_kept"
            values = {"expected": phone.phone_number, "actual": number_in(jid)}
        elif pairing.state in BEFORE_SCAN:
            cause, state = "pairing_interrupted", PairingState.EXPIRED
        else:
            cause = "keys_lost"
        await self.scribe.write(
            Entry(
                status=Status.LOGGED_OUT if phone.phone_jid else Status.NEW,
                phone={"qr_code": None},
                facts={"cause": cause, "cause_values": values, "next_at": None},
                pairing={
                    "state": state,
                    "cause": cause,
                    "error_code": 408,
                    "valid_until": None,
                    "ended_at": timezone.now(),
                },
                happenings=[Happening(Event.QR_EXPIRED, cause, 408)],
            )
        )
        self.paths.remove_store()

    async def _finish_pairing(self, pairing: Pairing, jid: str) -> None:
        logger.info("pairing goes on phone=%s", self.lease.phone_id)
        await self.scribe.write(
            Entry(
                status=Status.CONNECTING,
                phone={"phone_jid": jid, "qr_code": None},
                facts={"linked": True, "cause": "", "cause_values": {}},
                pairing={
                    "state": PairingState.RESTARTING,
                    "valid_until": None,
                    "claimed_epoch": self.scribe.journal.fence.epoch,
                    "host_name": self.house.host.name,
                    "paired_at": pairing.paired_at or timezone.now(),
                },
            )
        )

    def _linked_jid(self) -> str | None:
        """Of the local file, else of the copy made at PairSuccess."""
        phone = OrganizationPhone.objects.get(pk=self.lease.phone_id)
        if self.paths.store.exists():
            try:
                store = StoreFile(self.paths.store)
                jid = store.device_jid()
                store.close()
            except AuthStoreError:
                logger.warning("store file unreadable phone=%s", phone.pk)
            else:
                if jid is not None:
                    return jid
        copied = BaileysAuth.objects.of(phone).filter(key="creds").exists()
        return phone.phone_jid if copied else None
