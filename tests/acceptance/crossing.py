"""A phone on its way between a Baileys server and the product, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import PhoneRequest
from tests.acceptance import terminal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import wait_given_back
from tests.baileys.driver import BaileysDevice, folder_state, row_state
from tests.client.session_driver import SessionDriver

ORGANIZATION = "Old office"


@dataclass
class Crossing:
    """One phone, its records on the Baileys server, and a stranger who writes to it.

    source: `dump` or `folder`, the form of those records.
    """

    fleet: Fleet
    peer: SessionDriver
    directory: Path
    source: str = "dump"
    number: str = "77054810862"
    organization: str = ORGANIZATION
    devices: list[BaileysDevice] = field(default_factory=list)
    jid: str = ""
    _n_exports: int = 0

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        name = "auth" if self.source == "folder" else "rows.json"
        self.records = self.directory / name

    @property
    def peer_number(self) -> str:
        return str(self.peer.jid).partition(":")[0]

    @property
    def phone(self) -> OrganizationPhone:
        return OrganizationPhone.objects.get(phone_number=self.number)

    # -- on the Baileys server ---------------------------------------------------------

    def start_baileys(self) -> BaileysDevice:
        state = (
            folder_state(self.records)
            if self.source == "folder"
            else row_state(self.records, "17", self.number)
        )
        device = BaileysDevice(self.fleet.sandbox.description, state)
        self.devices.append(device)
        return device

    def pair(self) -> BaileysDevice:
        device = self.start_baileys()
        self.jid = device.pair(self.fleet.sandbox, self.number)
        return device

    def lid_map(self, device: BaileysDevice) -> Path:
        """What the Baileys server can tell of its contacts, as a file."""
        path = self.directory / "lids.json"
        contacts = device.ask(self.peer_number)
        path.write_text(json.dumps({one["jid"]: one["lid"] for one in contacts}))
        return path

    def new_contact(self, number: str, text: str) -> str:
        """Somebody writes for the first time, on a prekey; the message's id."""
        state = folder_state(self.directory / number)
        device = BaileysDevice(self.fleet.sandbox.description, state)
        self.devices.append(device)
        device.pair(self.fleet.sandbox, number)
        message_id = device.send(self.number, text)
        device.stop()
        return message_id

    def close(self) -> None:
        for device in self.devices:
            device.close()

    # -- across ------------------------------------------------------------------------

    def take_over(self, lid_map: Path | None = None) -> dict[str, Any]:
        """Import and wait for our login; what the command printed."""
        logins = self.fleet.device(self.jid)["logins"]
        given = ["--lid-map", lid_map] if lid_map else []
        told = terminal.run(
            self.fleet,
            "import_baileys",
            f"--{self.source}",
            self.records,
            "--organization",
            self.organization,
            "--json",
            *given,
        )
        assert told.status == 0, (told.stdout, told.stderr)
        self.fleet.wait_logins([self.jid], logins + 1)
        self.fleet.wait_status(self.phone, Status.CONNECTED)
        return told.line

    def give_back(self, *, elsewhere: bool = False) -> dict[str, Any]:
        """Stop our session and write its keys where the Baileys server reads them.

        elsewhere: on a machine that has the database, but not the phone's store file.
        """
        verbs.stop(self.phone)
        self.fleet.wait_status(self.phone, Status.STOPPED)
        wait_given_back(self.fleet, self.phone)  # else the export refuses
        base = self.records.with_name(f"base-{self._n_exports}{self.records.suffix}")
        self._n_exports += 1
        self.records.rename(base)
        told = terminal.run(
            self.fleet,
            "export_baileys",
            self.number,
            f"--{self.source}",
            self.records,
            "--base",
            base,
            "--json",
            **({} if elsewhere else {"DATA_DIR": str(self.fleet.hosts[0].directory)}),
        )
        assert told.status == 0, (told.stdout, told.stderr)
        assert told.line["from_copy"] == elsewhere
        return told.line

    # -- texts -------------------------------------------------------------------------

    def hear(self, text: str) -> str:
        """The stranger writes to the phone; the message's id."""
        result = self.peer.send(self.number, text)
        assert result["ok"], result
        return str(result["message_id"])

    def say(self, text: str) -> str:
        """Our session writes to the stranger, who reads it; the message's id."""
        request = verbs.send(self.phone, to=self.peer_number, text=text)
        self.fleet.wait(
            lambda: (
                PhoneRequest.objects.filter(pk=request.pk, done_at=None).count() == 0
            ),
            "an answer",
        )
        request.refresh_from_db()
        assert request.result == PhoneRequest.Result.DONE, request.answer
        message_id = str(request.answer["message_id"])
        self.peer.wait_for("message", id=message_id)
        return message_id

    def receipts(self, *message_ids: str) -> list[tuple[str, str]]:
        """(message, type) of each receipt our device sent for these messages."""
        number, _, device = self.jid.partition("@")[0].partition(":")
        return [
            (event["message_id"], event["type"])
            for event in self.fleet.sandbox.events()
            if event["kind"] == "receipt"
            and (event["number"], event["device"]) == (number, int(device))
            and event["message_id"] in message_ids
        ]

    def wait_read(self, *message_ids: str) -> int:
        """Until our device has read these; how many it had to ask for again."""

        def all_read() -> bool:
            receipts = self.receipts(*message_ids)
            return {one for one, kind in receipts if kind != "retry"} == {*message_ids}

        self.fleet.wait(all_read, f"reading {len(message_ids)} messages")
        kinds = self.receipts(*message_ids)
        return len({message for message, kind in kinds if kind == "retry"})

    def story(self, *message_ids: str) -> list[str]:
        """What the sandbox saw of these messages, and of our logins between."""
        return [
            f"{event['at']:.3f} {event['kind']} {event.get('number', '')}"
            f" connection={event.get('connection')} type={event.get('type')}"
            for event in self.fleet.sandbox.events()
            if event.get("message_id") in message_ids
            or event["kind"] in ("login", "closed")
        ]
