"""Which phones need a host now."""

from __future__ import annotations

import uuid

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from phones.models import OrganizationPhone
from sessions.models import Pairing, PhoneLease, PhoneRequest, Wish
from sessions.models.clock import Moment


def expire_orders(now: Moment) -> None:
    """Close what nobody did in time, so that no page waits for ever."""
    # Looked at every two seconds: an UPDATE without a row would cost a write lock.
    if Pairing.objects.unclaimed().filter(expires_at__lte=now).exists():
        Pairing.objects.end_unclaimed(now)
    overdue = PhoneRequest.objects.open().filter(expires_at__lte=now)
    if not overdue.exists():
        return
    overdue.filter(claimed_epoch=None).update(
        result=PhoneRequest.Result.EXPIRED, done_at=now, payload={}
    )
    # Claimed by an epoch that is gone: whether it was carried out is not known.
    orphaned = overdue.exclude(claimed_epoch=None).exclude(
        claimed_epoch=F("phone__lease__epoch"), phone__lease__host__isnull=False
    )
    orphaned.update(
        result=PhoneRequest.Result.FAILED,
        answer={"error": "outcome unknown: the server that did it is gone"},
        done_at=now,
        payload={},
    )


def wanted_phones(now: Moment, *, host_id: uuid.UUID) -> QuerySet[OrganizationPhone]:
    """Phones that should run, pair or carry out a request, and are free for this host.

    That includes those that it keeps already. A lease of ours that is not kept is from
    before a restart: it `is_ours`, as a phone that is being moved here is. One whose
    keys a person clears `is_cleared`: whoever sees it first takes it, wherever else it
    was to go. Building it takes eight times as long as asking it: keep it, ask again.
    """
    of_phone = {"phone": OuterRef("pk")}
    owned = PhoneLease.objects.filter(**of_phone).exclude(
        pk__in=PhoneLease.objects.takeable_by(host_id).values("pk")
    )
    pairing = Pairing.objects.active().filter(**of_phone)
    # What was claimed and may be repeated: its host is gone, or the phone were owned.
    may_begin = Q(claimed_epoch=None) | Q(kind__in=PhoneRequest.REPEATED)
    requests = PhoneRequest.objects.open().filter(
        may_begin, **of_phone, expires_at__gt=now
    )
    clears = requests.filter(kind=PhoneRequest.Kind.CLEAR)
    not_held = Q(facts__held_generation=None) | Q(
        facts__held_generation__lt=F("wish__generation")
    )
    runs = Q(wish__desired=Wish.Desired.RUN, facts__linked=True) & not_held
    unseen = Q(wish__generation__gt=0) & (
        Q(facts=None) | ~Q(wish__generation=F("facts__seen_generation"))
    )
    moves = Wish.objects.under_way().filter(**of_phone)
    restarted = PhoneLease.objects.filter(**of_phone, host_id=host_id)
    return (
        OrganizationPhone.objects.exclude(Exists(owned))
        .annotate(is_cleared=Exists(clears))
        .exclude(Exists(moves.exclude(move_to=host_id)), is_cleared=False)
        .annotate(is_ours=Q(Exists(restarted)) | Q(Exists(moves)))
        .filter(runs | Q(Exists(pairing)) | Q(Exists(requests)) | unseen)
        .select_related("organization")
        .order_by("-is_cleared", "pk")
    )
