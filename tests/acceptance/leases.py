"""Whether sessions end before their leases do, by the database's clock."""

from __future__ import annotations

from phones.models import OrganizationPhone
from sessions.models import PhoneLease
from sessions.models.clock import ClockNow
from tests.acceptance.fleet import Fleet, is_alive


def outlived_leases(fleet: Fleet, phones: list[OrganizationPhone]) -> set[int]:
    """When the leases of all phones have run out, or went to another host: the session
    processes that were seen alive after their own phone's lease was over.
    """
    leases = PhoneLease.objects.filter(phone__in=phones)
    before = {lease.pk: lease for lease in leases}
    outlived: set[int] = set()

    def all_over() -> bool:
        over = set(
            leases.exclude(expires_at__gt=ClockNow()).values_list("pk", flat=True)
        )
        over |= {one.pk for one in leases.all() if one.epoch != before[one.pk].epoch}
        pids = {before[phone].session_pid or 0 for phone in over}
        outlived.update(filter(is_alive, pids))
        return over == before.keys()

    fleet.wait(all_over, "the end of all leases")
    return outlived
