"""Which server may get a phone, be drained, or be forgotten; and why not."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.utils.translation import gettext as _

from phones.models import OrganizationPhone, Status
from sessions.models import Host, Pairing, PhoneLease, loads_of
from sessions.models.clock import clock_plus
from sessions.models.host import HostQuerySet

AT_REST = (Status.NEW, Status.HELD, Status.STOPPED, Status.LOGGED_OUT)


def room_beside(host_id: uuid.UUID) -> int:
    """How many more phones the other servers take."""
    return sum(
        load.room for load in loads_of(Host.objects.taking()) if load.host != host_id
    )


def with_room() -> HostQuerySet:
    """Servers that take another phone, by name."""
    rooms = [load.host for load in loads_of(Host.objects.taking()) if load.room]
    return Host.objects.filter(pk__in=rooms).order_by("name")


def why_not_move(phone: OrganizationPhone, host: Host) -> str:
    """A sentence; empty when `host` can get the phone."""
    if Pairing.objects.active().filter(phone=phone).exists():
        return _("A link is in progress: wait for its end, or press Stop first.")
    if phone.status in AT_REST:
        return _("This phone does not run, so no server has it; it can be started.")
    if PhoneLease.objects.current().filter(phone=phone, host=host).exists():
        return _("%(server)s has this phone already.") % {"server": host}
    load = next(iter(loads_of(Host.objects.taking().filter(pk=host.pk))), None)
    if load is None:
        return _("%(server)s takes no phones: it is drained or does not run.") % {
            "server": host
        }
    if not load.room:
        return _(
            "%(server)s has no room: it has %(phones)d of %(capacity)d phones."
        ) % {
            "server": host,
            "phones": load.phones,
            "capacity": load.capacity,
        }
    return ""


def why_not_drain(host: Host) -> str:
    """A sentence; empty when the phones of `host` have somewhere to go."""
    if not Host.objects.alive().filter(pk=host.pk).exists():
        return _("%(server)s does not run, so it has nothing to hand over.") % {
            "server": host
        }
    if not room_beside(host.pk):
        return _(
            "No other running server has room for a phone. Start `manage.py "
            "run_sessions` on another server first."
        )
    return ""


def why_not_forget(host: Host) -> str:
    """A sentence; empty when nothing is lost with the row of `host`."""
    recent = clock_plus(-settings.WHATSAPP_HOST_SILENT)
    heard = Host.objects.filter(pk=host.pk, stopped_at=None, beat_at__gt=recent)
    if heard.exists():
        return _("%(server)s runs, or did a moment ago: stop it first.") % {
            "server": host
        }
    if PhoneLease.objects.current().filter(host=host).exists():
        return _("%(server)s still holds phones: wait until its leases run out.") % {
            "server": host
        }
    return ""
