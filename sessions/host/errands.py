"""Wishes and requests while a session runs: stop, restart, unlink, clear, send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.host import clearing, record_check, returning, unlinking, wishes
from sessions.host.clearing import Clearing
from sessions.host.ending import Ending
from sessions.host.journal import Entry
from sessions.host.paths import PhonePaths
from sessions.models import Pairing, PhoneRequest, Wish
from sessions.models.kept_question import SOME_PHONE, KeptQuestion
from sessions.policy.causes import sentence
from sessions.policy.warnings import in_force

if TYPE_CHECKING:
    from sessions.host.episode import Episode

Kind, Result = PhoneRequest.Kind, PhoneRequest.Result


@dataclass
class Orders:
    """What people want of one phone at this moment."""

    wish: Wish
    pairing: Pairing | None
    requests: list[PhoneRequest] = field(default_factory=list)

    @classmethod
    def read(cls, phone_id: int) -> Orders:
        """Most of the time there is a wish and nothing else: one question, then."""
        wish, paired, asked = Wish(phone_id=phone_id), True, True
        if row := _ORDERS.first(phone_id):
            wish.desired, held, wish.generation, paired, asked = row
            wish.held = bool(held)
        orders = cls(wish, pairing=None)
        # Building a question costs more than the answer: only those that have one.
        if paired:
            pairings = Pairing.objects.active().filter(phone_id=phone_id)
            orders.pairing = pairings.first()
        if asked:
            claimable = PhoneRequest.objects.claimable().filter(phone_id=phone_id)
            orders.requests = [*claimable.select_related("requested_by").order_by("id")]
        return orders

    def first(self, *kinds: PhoneRequest.Kind) -> PhoneRequest | None:
        return next((r for r in self.requests if r.kind in kinds), None)


def _orders() -> QuerySet[Wish, tuple[Any, ...]]:
    of_phone = {"phone_id": OuterRef("pk")}
    return Wish.objects.filter(phone_id=SOME_PHONE).values_list(
        "desired",
        "held",
        "generation",
        Exists(Pairing.objects.active().filter(**of_phone)),
        Exists(PhoneRequest.objects.claimable().filter(**of_phone)),
    )


_ORDERS = KeptQuestion(_orders)


class Errands:
    """Looks at the orders of a running episode and carries them out."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        # The unlink that is under way, or waits for a connection.
        self.unlink: PhoneRequest | None = None
        self.unlink_sent = False
        self.clearing = Clearing(episode)
        # Requests that the process has not answered, and to whom they go.
        self.sending: dict[int, str] = {}

    async def look(self) -> Ending | None:
        """Read the orders; an ending when the session must end for one."""
        phone_id = self.episode.journal.phone.pk
        orders: Orders = await self.episode.house.threads.patiently(
            Orders.read, phone_id
        )
        for request in orders.requests:
            ending = await self._request(request)
            if ending is not None:
                return ending
        facts = self.episode.journal.facts
        # A phone that is stopped or held is connected for its unlink alone.
        leaves = self.unlink is not None or self.clearing.request is not None
        if not leaves and not wishes.want_it_to_run(orders.wish, facts):
            return Ending("hold" if orders.wish.held else "wish")
        await wishes.note(self.episode.scribe, orders.wish)
        return None

    async def _request(self, request: PhoneRequest) -> Ending | None:
        match request.kind:
            case Kind.RESTART if await self._claim(request):
                return Ending("restart", request=request)
            case Kind.CLEAR:
                return await self.clearing.begin(request)
            case Kind.UNLINK:
                await self._unlink(request)
            case Kind.PUT_BACK if await self._claim(request):
                await self.episode.scribe.write(returning.refusal(request))
            case Kind.CHECK if await self._claim(request):
                await self._check(request)
            case Kind.SEND if self.episode.connected and await self._claim(request):
                await self._send(request)
        return None

    async def _check(self, request: PhoneRequest) -> None:
        scribe, keys = self.episode.scribe, self.episode.keys
        paths = PhonePaths.of(scribe.journal.phone.pk, scribe.house.directory)
        await record_check.answer(scribe, paths, request, keys)

    async def _send(self, request: PhoneRequest) -> None:
        to, text = request.payload.get("to", ""), request.payload.get("text", "")
        if error := await self._why_not_send(to):
            await self._sent(request.pk, {"error": error}, ok=False)
            return
        self.sending[request.pk] = to
        self.episode.session.tell(
            {"do": "send", "id": str(request.pk), "to": to, "text": text}
        )

    async def _why_not_send(self, to: str) -> str:
        warnings, now = self.episode.journal.facts.warnings, timezone.now()
        if paused := in_force(warnings, "sending_paused", now=now):
            return sentence("sending_paused", paused)
        limited = in_force(warnings, "i2", now=now)
        if limited and not await self.episode.keys.has_written(to):
            return sentence("i2", limited)
        return ""

    async def _claim(self, request: PhoneRequest) -> bool:
        epoch = self.episode.journal.fence.epoch
        claimed: bool = await self.episode.house.threads.patiently(request.claim, epoch)
        return claimed

    async def _unlink(self, request: PhoneRequest) -> None:
        if self.unlink is None:
            self.unlink = request
            self.episode.inbox.set_timer(
                unlinking.TIMER, unlinking.seconds_left(request)
            )
        if self.episode.connected and not self.unlink_sent:
            self.unlink_sent = await self._claim(self.unlink)
            if self.unlink_sent:
                name = f"unlink-{self.unlink.pk}"
                self.episode.session.tell({"do": "logout", "id": name})

    async def rang(self, timer: str) -> Ending | None:
        """The unlink request, or the logout of a clear, ran out of time."""
        if timer == clearing.TIMER:
            return self.clearing.given_up()
        if timer != unlinking.TIMER:
            return None
        return await self._give_up()

    async def _give_up(self) -> Ending | None:
        request, self.unlink, self.unlink_sent = self.unlink, None, False
        if request is not None:
            await unlinking.give_up(self.episode.scribe, request)
        return await self.look()

    def recipient(self, line: Mapping[str, Any]) -> str:
        """To whom the text goes that the process answers for; "" when it is none."""
        name = str(line.get("id", ""))
        return self.sending.get(int(name), "") if name.isdigit() else ""

    async def result(self, line: Mapping[str, Any]) -> Ending | None:
        """The process answered a send or a logout."""
        name, ok = str(line.get("id", "")), bool(line.get("ok"))
        if name.isdigit():
            await self._sent(int(name), line, ok=ok)
        elif name == self.clearing.command_id:
            return self.clearing.answered(ok=ok)
        elif self.unlink is not None and name == f"unlink-{self.unlink.pk}":
            if ok:
                return self._unlinked()
            return await self._give_up()
        return None

    async def close(self, last_words: list[Mapping[str, Any]]) -> Ending | None:
        """The process is gone: what it has not answered has no known outcome."""
        ending = None
        for line in last_words:
            name, ok = str(line.get("id", "")), bool(line.get("ok"))
            if name.isdigit():
                await self._sent(int(name), line, ok=ok)
            elif name == self.clearing.command_id:
                ending = self.clearing.answered(ok=ok)
            elif ok and self.unlink is not None:
                ending = self._unlinked()
        for request_id in [*self.sending]:
            await self._sent(request_id, {"error": _outcome_unknown()}, ok=False)
        if self.unlink is not None and self.unlink_sent:
            await unlinking.give_up(self.episode.scribe, self.unlink)
        return self.clearing.given_up() or ending

    def _unlinked(self) -> Ending:
        request, self.unlink, self.unlink_sent = self.unlink, None, False
        return Ending("unlinked", request=request)

    async def _sent(
        self, request_id: int, line: Mapping[str, Any], *, ok: bool
    ) -> None:
        self.sending.pop(request_id, None)
        if ok:
            self.episode.tally.count("sent", "sent text")
            answer = {"message_id": str(line.get("message_id") or "")}
        else:
            answer = {"error": str(line.get("error") or "")}
        await self.episode.scribe.write(
            Entry(
                facts=self.episode.tally.take(),
                closed=[(request_id, Result.DONE if ok else Result.FAILED, answer)],
                quiet=True,
            )
        )


def _outcome_unknown() -> str:
    return _(
        "The session ended before WhatsApp answered; whether the message was sent is "
        "not known."
    )
