"""The live parts of a phone's row, as small pieces of HTML."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from phones.admin.story import Story
from phones.templatetags.moments import ago

CELLS = ("status", "cause", "since", "host", "action")


def slot_name(phone_id: int, part: str) -> str:
    """Name under which a live page finds a part of a phone: `data-slot`."""
    return f"phone-{phone_id}-{part}"


def badge(story: Story) -> SafeString:
    return format_html(
        '<span class="sb-badge" data-tone="{}">{}</span>', story.tone, story.label
    )


def cell(story: Story, part: str) -> SafeString | str:
    """The inner HTML of one cell; a text is escaped by the template that shows it."""
    match part:
        case "status":
            return badge(story)
        case "cause":
            return format_html('<span class="sb-sentence">{}</span>', story.sentence)
        case "since":
            return ago(story.facts.since)
        case "host":
            return format_html("{}", story.host_name or "–")
        case "action":
            return format_html(
                "{} {}",
                story.facts.last_action or "–",
                ago(story.facts.last_action_at) if story.facts.last_action_at else "",
            )
    raise ValueError(part)


def slot(story: Story, part: str) -> SafeString:
    """The cell inside the element that live pages replace the content of."""
    return format_html(
        '<span data-slot="{}">{}</span>',
        slot_name(story.phone.pk, part),
        cell(story, part),
    )
