"""A pairing as it goes: what each line of the session process means for its row.

requested → starting → qr → linking → paired → restarting → online. The keys are copied
before `paired` is shown; Connected after the 515 is the success, not PairSuccess.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from metrics.models import Event
from phones.models import Status
from sessions.host.ending import Ending
from sessions.host.journal import Entry, Happening
from sessions.models import Pairing, PairingState
from sessions.policy.number_aliases import number_in, same_number

if TYPE_CHECKING:
    from sessions.host.episode import Episode

LOGOUT_SECONDS = 15.0


class PairingCourse:
    """Handles the lines of an episode that pairs, or finishes a pairing."""

    def __init__(self, episode: Episode, pairing: Pairing) -> None:
        self.episode = episode
        self.pairing = pairing
        self.wrong_number = ""
        self.paired = False
        self.restarting = False  # the 515 is logged before PairSuccess is delivered

    async def line(
        self, event: str, line: Mapping[str, Any]
    ) -> tuple[bool, Ending | None]:
        """(True, ending or None) when the line was the pairing's business."""
        if event == "qr":
            await self._qr(line)
        elif event == "login_status":
            return True, await self._login_status(line)
        elif event == "pair_status" and line.get("status") == "SUCCESS":
            await self._paired(line)
        elif event == "pair_status":
            return True, self.episode.end_with(line)
        elif event == "log" and "Got 515 code" in str(line.get("line", "")):
            await self._restarting(line)
        elif event == "connected" and self.wrong_number:
            self._log_out()
        elif event == "disconnected" and not self.episode.connected:
            pass  # between PairSuccess and Connected a loss is normal
        elif event in {"result", "logged_out"} and self.wrong_number:
            undone = line.get("ok") is not False
            return True, Ending("wrong_number", number=self.wrong_number, undone=undone)
        else:
            return False, None
        return True, None

    async def _qr(self, line: Mapping[str, Any]) -> None:
        now = timezone.now()
        valid_until = now + timedelta(seconds=float(line["valid_seconds"]))
        self.episode.inbox.drop_timer("online")
        await self._write(
            Entry(
                status=Status.PAIRING,
                phone={"qr_code": line["code"]},
                pairing={
                    "state": PairingState.QR,
                    "code_number": line["k"],
                    "code_count": line["of"],
                    "valid_until": valid_until,
                },
                happenings=[Happening(Event.QR_GENERATED)],
            )
        )

    async def _login_status(self, line: Mapping[str, Any]) -> Ending | None:
        status = line.get("status")
        if status == "success":
            await self._write(
                Entry(
                    phone={"qr_code": None},
                    pairing={"state": PairingState.LINKING, "valid_until": None},
                )
            )
            self.episode.inbox.set_timer("online", settings.WHATSAPP_ONLINE_DEADLINE)
            return None
        if status == "err-scanned-without-multidevice":
            # The same code stays valid: say what to do and go on.
            await self._write(Entry(facts={"cause": "q3", "cause_values": {}}))
            return None
        return self.episode.end_with(line)

    async def _paired(self, line: Mapping[str, Any]) -> None:
        jid = str(line.get("jid") or "")
        number = number_in(jid)
        paired_at = timezone.now()
        self.episode.diagnosis.paired_at = paired_at
        if not same_number(self.episode.journal.phone.phone_number, number):
            self.wrong_number = number
            await self._write(Entry(pairing={"linked_number": number}))
            return
        self.episode.journal.phone.phone_jid = jid
        await self.episode.keys.write(
            Entry(
                phone={"phone_jid": jid, "qr_code": None},
                facts={
                    "linked": True,
                    "attempts": 0,
                    "held_generation": None,
                    "link_needs_confirmation": False,
                    "link_shut_until": None,
                    "cause": "",
                    "cause_values": {},
                },
                pairing={
                    "state": PairingState.PAIRED,
                    "paired_at": paired_at,
                    "linked_number": number,
                },
                happenings=[Happening(Event.PAIRED)],
            )
        )
        self.paired = True
        if self.restarting:
            await self._write(Entry(pairing={"state": PairingState.RESTARTING}))

    async def _restarting(self, line: Mapping[str, Any]) -> None:
        self.episode.diagnosis.log_lines.append(line)
        self.restarting = True
        if self.paired:
            await self._write(Entry(pairing={"state": PairingState.RESTARTING}))

    def _log_out(self) -> None:
        """Undo it on the phone's side; only a connected session can."""
        self.episode.inbox.drop_timer("online")
        self.episode.inbox.set_timer("online", LOGOUT_SECONDS)
        self.episode.session.tell({"do": "logout", "id": "wrong-number"})

    def finish(self, entry: Entry, now: datetime) -> None:
        """Connected: the pairing's last words go into the same entry."""
        entry.pairing.update(state=PairingState.ONLINE, ended_at=now)
        entry.phone.setdefault("qr_code", None)

    async def _write(self, entry: Entry) -> None:
        await self.episode.scribe.write(entry)
