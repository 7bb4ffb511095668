"""Checking a phone's auth records on the host that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.auth import report
from sessions.auth.errors import AuthStoreError
from sessions.host.journal import Entry
from sessions.models import AuthReport, PhoneRequest

if TYPE_CHECKING:
    from sessions.host.key_copy import KeyCopy
    from sessions.host.paths import PhonePaths
    from sessions.host.scribe import Scribe

Result = PhoneRequest.Result


async def check(
    scribe: Scribe, paths: PhonePaths, keys: KeyCopy | None = None
) -> AuthReport:
    """The live file beside its session, else what the next start would use.

    Raises AuthStoreError when it cannot be read now.
    """
    found: AuthReport | None = await keys.examine() if keys is not None else None
    if found is None:
        found = await scribe.house.threads.patiently(
            report.check_resting,
            scribe.journal.phone,
            paths.store,
            scribe.house.host.name,
        )
    return found


async def answer(
    scribe: Scribe,
    paths: PhonePaths,
    request: PhoneRequest,
    keys: KeyCopy | None = None,
) -> None:
    """Carry out a request that is claimed, and close it. Raises LeaseLost."""
    try:
        found = await check(scribe, paths, keys)
    except AuthStoreError as error:
        closed = request.pk, Result.FAILED, {"error": str(error)}
    else:
        closed = request.pk, Result.DONE, {"verdict": found.verdict}
    await scribe.write(Entry(closed=[closed], quiet=True))
