"""Requests to a phone that has no process at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.host import record_check, returning
from sessions.host.clearing import cleared, may_have_been_told
from sessions.host.ending import Ending
from sessions.host.errands import Kind, Orders
from sessions.host.wiping import nothing_to_wipe
from sessions.models import BaileysAuth, PhoneRequest

if TYPE_CHECKING:
    from sessions.host.aftermath import Aftermath

KINDS = (Kind.RESTART, Kind.CLEAR, Kind.PUT_BACK, Kind.CHECK)


async def carry_out(
    aftermath: Aftermath, orders: Orders, request: PhoneRequest
) -> None:
    """Claim and do one of KINDS. Raises LeaseLost."""
    house, scribe = aftermath.house, aftermath.scribe
    told = may_have_been_told(request)
    epoch = scribe.journal.fence.epoch
    if not await house.threads.patiently(request.claim, epoch):
        return
    if request.kind == Kind.CHECK:
        await record_check.answer(scribe, aftermath.paths, request)
        return
    if orders.pairing is not None:
        scribe.pairing_id = orders.pairing.pk
    match request.kind:
        case Kind.PUT_BACK:
            await returning.put_back(scribe, request)
        case Kind.CLEAR if orders.pairing is None and not await _has_keys(aftermath):
            ending = cleared(request, told=told)
            await scribe.write(nothing_to_wipe(scribe.journal.phone, ending))
        case Kind.CLEAR:
            await aftermath.settle(cleared(request, told=told), keys=True)
        case _:
            keys = scribe.journal.facts.linked
            await aftermath.settle(Ending("restart", request=request), keys=keys)


async def _has_keys(aftermath: Aftermath) -> bool:
    """Or anything that a session could be started with."""
    journal = aftermath.scribe.journal
    if journal.facts.linked or aftermath.paths.store.exists():
        return True
    rows = BaileysAuth.objects.of(journal.phone)
    there: bool = await aftermath.house.threads.patiently(rows.exists)
    return there
