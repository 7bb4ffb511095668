"""Keys that come back from the quarantine: what is written, under the phone's fence."""

from __future__ import annotations

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone, Status
from sessions.auth import quarantine
from sessions.auth.errors import AuthStoreError
from sessions.host.journal import Entry, Journal
from sessions.host.scribe import Scribe
from sessions.key_verbs import why_not_put_back
from sessions.models import PhoneRequest, Quarantine, Wish

Result = PhoneRequest.Result


async def put_back(scribe: Scribe, request: PhoneRequest) -> None:
    """Carry the request out, or close it with the reason. The phone has no process.

    A phone that people want to run runs again. Raises LeaseLost.
    """
    threads, journal = scribe.house.threads, scribe.journal
    entry: Entry = await threads.patiently(entry_for, journal, request)
    try:
        await scribe.write(entry)
    except AuthStoreError as error:
        await scribe.write(refusal(request, str(error)))


def put_back_at_once(journal: Journal, request: PhoneRequest) -> None:
    """The same without a host."""
    try:
        journal.write(entry_for(journal, request))
    except AuthStoreError as error:
        journal.write(refusal(request, str(error)))


def refusal(request: PhoneRequest, reason: str = "") -> Entry:
    """reason: by default that the phone runs, so it has keys."""
    reason = reason or _("This phone has keys already; clear them first.")
    return Entry(closed=[(request.pk, Result.FAILED, {"error": reason})])


def entry_for(journal: Journal, request: PhoneRequest) -> Entry:
    """Either the keys' return or the refusal. Its writing raises AuthStoreError."""
    kept = Quarantine.objects.filter(pk=request.payload.get("quarantine")).first()
    if kept is None:
        return refusal(request, _("These keys were purged or put back meanwhile."))
    if reason := why_not_put_back(kept):
        return refusal(request, reason)
    try:
        jid = quarantine.device_jid(kept)
    except AuthStoreError as error:
        return refusal(request, str(error))
    runs = _is_wanted(journal.phone)
    return Entry(
        status=Status.DISCONNECTED if runs else Status.STOPPED,
        phone={"phone_jid": jid, "qr_code": None},
        facts={
            "linked": True,
            "cause": "started" if runs else "stopped_by_person",
            "cause_values": {},
            "rule": "",
            "next_at": None,
            "held_generation": None,
        },
        closed=[(request.pk, Result.DONE, {})],
        before=lambda: quarantine.put_back(kept, journal.phone, journal.fence),
    )


def _is_wanted(phone: OrganizationPhone) -> bool:
    return Wish.objects.filter(phone=phone, desired=Wish.Desired.RUN).exists()
