"""Times that the browser keeps current: `live.js` counts them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """How long ago; without scripts the moment itself."""
    if at is None:
        return "–"
    shown = exactly(at)
    return format_html(
        '<time datetime="{}" data-ago title="{}">{}</time>',
        at.isoformat(),
        shown,
        shown,
    )


@register.filter
def until(at: datetime | None) -> SafeString | str:
    """How long until then, counted down."""
    if at is None:
        return "–"
    shown = exactly(at)
    return format_html(
        '<time datetime="{}" data-until title="{}">{}</time>',
        at.isoformat(),
        shown,
        shown,
    )


@register.filter
def exactly(at: datetime | None) -> str:
    """Day and time with seconds, in the server's time zone."""
    if at is None:
        return "–"
    return date_format(timezone.localtime(at), "Y-m-d H:i:s")


@register.filter
def iso(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
