"""Why the life of one session process ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from metrics.models import Event
from sessions.models import PhoneRequest
from sessions.policy.finding import Finding

COMMAND_LINE = "manage.py"


@dataclass(frozen=True)
class Ending:
    """finding: WhatsApp, the network or the process ended it: policy decides.

    wish: a person stopped the phone; hold: held it. restart, clear, unlinked: a
    request did. leave: hand-over. lost: the lease is gone. wrong_number: paired with
    another phone, which lists the device still unless it is `undone`.

    told: clear; a logout was sent, and not confirmed. also: requests that another one's
    outcome settles. answer: for the person who asked.
    """

    word: Literal[
        "finding",
        "wish",
        "hold",
        "restart",
        "clear",
        "unlinked",
        "leave",
        "lost",
        "wrong_number",
    ]
    finding: Finding | None = None
    event: Event = Event.DISCONNECTED
    request: PhoneRequest | None = None
    number: str = ""  # wrong_number: the one that was linked
    undone: bool = False
    # finding: the loss has its row already; it is no loss of a session.
    recorded: bool = False
    counts: bool = True
    told: bool = False
    also: tuple[PhoneRequest, ...] = ()
    answer: dict[str, str] = field(default_factory=dict)

    @property
    def polite(self) -> bool:
        """The process still answers, so it may close its connection itself."""
        return self.word != "lost"

    @property
    def user_id(self) -> int | None:
        return self.request.requested_by_id if self.request is not None else None

    @property
    def user_name(self) -> str:
        """Who asked for it, as sentences name them."""
        user = self.request.requested_by if self.request is not None else None
        return user.get_username() if user is not None else COMMAND_LINE

    @property
    def closed(self) -> list[tuple[int, PhoneRequest.Result, dict[str, str]]]:
        """The requests that are done by it, as an entry takes them."""
        done = PhoneRequest.Result.DONE
        own = [] if self.request is None else [self.request]
        return [(request.pk, done, self.answer) for request in (*own, *self.also)]

    @property
    def said(self) -> Finding:
        """The finding; only an ending of the word `finding` has one."""
        if self.finding is None:
            raise ValueError(f"an ending by {self.word} has no finding")
        return self.finding
