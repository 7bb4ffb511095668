"""A phone of the product and a stranger's device that write to each other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.models import PhoneRequest
from sessions.models.wish import PhoneRequestQuerySet
from sessions.sandbox.control import SandboxControl
from tests.client.session_driver import SessionDriver
from tests.processes import wait_until

EVERY = 0.2  # seconds between two texts of one side


@dataclass
class Losses:
    """What became of the texts of a conversation.

    undecryptable: a retry was asked for; it may have arrived in the end.
    """

    sent: int
    lost: int
    undecryptable: int

    def __str__(self) -> str:
        return f"{self.lost} lost, {self.undecryptable} undecryptable of {self.sent}"


@dataclass
class Conversation:
    """Five texts a second each way, as long as `talk` runs; or one after the other.

    Who writes while reading may use a message number of Signal twice (neonize 0.5.2):
    a text of `talk` may have to be sent again, none of `take_turns`.
    """

    sandbox: SandboxControl
    phone: OrganizationPhone
    peer: SessionDriver
    requests: list[PhoneRequest] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def peer_number(self) -> str:
        return str(self.peer.jid).partition(":")[0]

    def talk(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            self._say_to_phone()
            self._say_to_peer()
            self.peer.seen("message")  # empties the pipe
            time.sleep(max(EVERY - (time.monotonic() - began), 0.0))

    def take_turns(self, times: int) -> None:
        """Each side writes so often, when it has read what the other one wrote."""
        for _ in range(times):
            for say in (self._say_to_phone, self._say_to_peer):
                say()
                wait_until(self._is_read, "the reading of a text", pause=0.05)

    def _is_read(self) -> bool:
        if not self.is_settled() or self._waiting().exists():
            return False  # what is confirmed later would not be looked for
        return not self.to_peer().lost and not self.to_phone().lost

    def _say_to_phone(self) -> None:
        command = f"text-{len(self.asked)}"
        self.asked.append(command)
        self.peer.say(
            do="send", id=command, to=self.phone.phone_number, text=f"to {command}"
        )

    def _say_to_peer(self) -> None:
        self.phone.refresh_from_db()
        try:
            text = f"from {len(self.requests)}"
            self.requests.append(verbs.send(self.phone, to=self.peer_number, text=text))
        except verbs.VerbRefused:
            self.refused += 1  # not connected: nothing was promised

    def is_settled(self) -> bool:
        """The peer has all its results, and no request waits for a host."""
        return len(self.peer.seen("result")) == len(self.asked) and not (
            self._waiting().filter(claimed_epoch=None).exists()
        )

    def _waiting(self) -> PhoneRequestQuerySet:
        return PhoneRequest.objects.open().filter(phone=self.phone)

    def to_peer(self) -> Losses:
        """Texts that WhatsApp confirmed to us, against what the peer could read."""
        mine = PhoneRequest.objects.filter(phone=self.phone, result="done")
        confirmed = {
            answer["message_id"] for answer in mine.values_list("answer", flat=True)
        }
        read = {line["id"] for line in self.peer.seen("message")}
        return Losses(
            len(confirmed), len(confirmed - read), len(self.peer.seen("undecryptable"))
        )

    def to_phone(self) -> Losses:
        """Texts that WhatsApp confirmed to the peer, against our delivery receipts."""
        results = [line for line in self.peer.seen("result") if line["ok"]]
        confirmed = {line["message_id"] for line in results}
        receipts = [
            event
            for event in self.sandbox.events()
            if event["kind"] == "receipt" and event["number"] == self.phone.phone_number
        ]
        retried = {e["message_id"] for e in receipts if e["type"] == "retry"}
        read = {e["message_id"] for e in receipts if e["type"] != "retry"}
        return Losses(len(confirmed), len(confirmed - read), len(retried & confirmed))
