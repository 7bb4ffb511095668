"""How full the hosts are."""

from __future__ import annotations

from django.db.models import Count, Q

from sessions.models.clock import ClockNow
from sessions.models.host import HostQuerySet
from sessions.models.wish import Wish
from sessions.policy.fair_share import Load


def loads_of(hosts: HostQuerySet) -> list[Load]:
    """Phones and capacity of each host, by name.

    A phone that is being moved counts where it goes to.
    """
    valid = Q(leases__expires_at__gt=ClockNow())
    rows = list(
        hosts.annotate(leased=Count("leases", filter=valid))
        .order_by("name")
        .values_list("pk", "capacity", "leased")
    )
    counts = {host_id: leased for host_id, _, leased in rows}
    moves = Wish.objects.under_way().values_list("move_to_id", "phone__lease__host_id")
    for target, holder in moves:
        if target in counts:
            counts[target] += 1
        if holder in counts:
            counts[holder] -= 1
    return [Load(pk, max(counts[pk], 0), capacity) for pk, capacity, _ in rows]
