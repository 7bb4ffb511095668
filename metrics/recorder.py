"""The only write door of the history."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from metrics.masking import masked_evidence, masked_text
from metrics.models import ConnectionMetrics, Event
from metrics.record_text import LOSSES, disconnect_record
from phones.models import OrganizationPhone
from phones.numbers import mask_number

logger = logging.getLogger(__name__)

# A connect and the events before it have no time since a connect.
TIMED = (*LOSSES, Event.ERROR)


def record(
    *,
    phone_id: int,
    event: Event,
    cause: str = "",
    code: int | None = None,
    message: str = "",
    connected_at: datetime | None = None,
    last_action: str = "",
    library_version: str = "",
    host: str = "",
    pairing: int | None = None,
    evidence: Mapping[str, Any] | None = None,
    now: datetime,
) -> ConnectionMetrics:
    """Write one row, in the caller's transaction; a loss is logged when it commits.

    cause: id of the catalogue. connected_at: of the last connect. pairing: id of the
    pairing it belongs to. Message and evidence are masked here, whatever came.
    """
    seconds = None
    if event in TIMED and connected_at is not None:
        seconds = max(0.0, (now - connected_at).total_seconds())
    row = ConnectionMetrics.objects.create(
        phone_id=phone_id,
        event=event,
        cause=cause[:30],
        error_code=code,
        error_message=masked_text(message) or None,
        timestamp=now,
        connected_seconds=seconds,
        last_action=masked_text(last_action, 100),
        library_version=library_version[:60],
        host=host[:100],
        pairing=pairing,
        evidence=masked_evidence(evidence) if evidence else None,
    )
    if event in LOSSES:
        # A rolled back loss did not happen: another host owns the phone.
        transaction.on_commit(lambda: _log(row), robust=True)
    return row


def _log(row: ConnectionMetrics) -> None:
    phone = OrganizationPhone.objects.filter(pk=row.phone_id).first()
    number = mask_number(phone.phone_jid or phone.phone_number) if phone else "-"
    logger.warning(
        "session lost phone=%s event=%s\n%s",
        row.phone_id,
        row.event,
        disconnect_record(row, number=number),
    )
