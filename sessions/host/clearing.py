"""A clear of a phone whose session runs: with a logout first, or at once.

The page promises an end within half a minute, so WhatsApp gets a part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from sessions.host.ending import Ending
from sessions.models import PhoneRequest

if TYPE_CHECKING:
    from sessions.host.episode import Episode

TIMER = "clear"
ANSWER_SECONDS = 10.0  # from the logout to the clear without an answer


class Clearing:
    """The one clear that waits for WhatsApp's answer, if there is one."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.request: PhoneRequest | None = None

    @property
    def command_id(self) -> str:
        return f"clear-{self.request.pk}" if self.request is not None else ""

    async def begin(self, request: PhoneRequest) -> Ending | None:
        """An ending, unless WhatsApp is asked first or another host was faster."""
        if self.request is not None:
            return None  # done when that one has ended
        threads, fence = self.episode.house.threads, self.episode.journal.fence
        told = may_have_been_told(request)
        if not await threads.patiently(request.claim, fence.epoch):
            return None
        if told or not request.payload.get("log_out") or not self.episode.connected:
            return cleared(request, told=told)
        self.request = request
        self.episode.inbox.set_timer(TIMER, ANSWER_SECONDS)
        self.episode.session.tell({"do": "logout", "id": self.command_id})
        return None

    def answered(self, *, ok: bool) -> Ending | None:
        """WhatsApp, or the library, answered the logout."""
        request, self.request = self.request, None
        if request is None:
            return None
        return logged_out(request) if ok else cleared(request, told=True)

    def given_up(self) -> Ending | None:
        """No answer in time, or the session ended before it."""
        return self.answered(ok=False)


def may_have_been_told(request: PhoneRequest) -> bool:
    """A host that is gone claimed it, and may have sent the logout."""
    return request.claimed_epoch is not None and bool(request.payload.get("log_out"))


def logged_out(request: PhoneRequest) -> Ending:
    """WhatsApp has forgotten the device, as after an unlink."""
    note = _("WhatsApp has logged the device out.")
    return Ending("unlinked", request=request, answer={"note": note})


def cleared(request: PhoneRequest, *, told: bool) -> Ending:
    """The keys go without WhatsApp's word. told: a logout was sent, so they may be dead
    for WhatsApp and are never put back."""
    return Ending("clear", request=request, told=told, answer=_answer(request, told))


def _answer(request: PhoneRequest, told: bool) -> dict[str, str]:
    if told:
        return {
            "note": _(
                "WhatsApp did not confirm the logout: if the phone still lists the "
                "device under Linked devices, remove it there."
            )
        }
    if request.payload.get("log_out"):
        return {
            "note": _(
                "The phone was not connected, so WhatsApp was not told: remove the "
                "device on the phone under Linked devices."
            )
        }
    return {}
