"""What a socket can watch, and what is said about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone, translation

from phones.admin.board import board_message, board_state
from phones.admin.fragments import row_message, stage_message, story_message
from phones.admin.story import Story, told
from phones.models import OrganizationPhone, Role
from phones.models.organization import roles_from
from sessions.verbs import LEAST_ROLE


class Kind(StrEnum):
    ROW = "row"  # a phone's line in a list
    STORY = "story"  # a phone's page
    STAGE = "stage"  # a phone's QR page
    BOARD = "board"  # all phones of an organization, for the dashboard


# The QR code is for those who may link.
LEAST = {
    Kind.ROW: Role.VIEWER,
    Kind.STORY: Role.VIEWER,
    Kind.STAGE: LEAST_ROLE["link"],
    Kind.BOARD: Role.VIEWER,
}
MESSAGES = {
    Kind.ROW: row_message,
    Kind.STORY: story_message,
    Kind.STAGE: stage_message,
    Kind.BOARD: board_message,
}


@dataclass(frozen=True)
class Topic:
    """`pk` is a phone's, or an organization's for a board."""

    kind: Kind
    pk: int

    def group(self, language: str) -> str:
        return f"{self.kind}.{self.pk}.{language}"


@dataclass(frozen=True)
class Saying:
    """A message for a topic in one language, and who may read it.

    readers: ids of users between commas, so that any channel layer carries it.
    """

    topic: Topic
    language: str
    readers: str
    text: str


def topics_of(story: Story) -> list[Topic]:
    phone = story.phone
    return [
        Topic(Kind.ROW, phone.pk),
        Topic(Kind.STORY, phone.pk),
        Topic(Kind.STAGE, phone.pk),
        Topic(Kind.BOARD, phone.organization_id),
    ]


def sayings(
    phone_ids: Iterable[int], watched: set[tuple[Topic, str]]
) -> Iterator[Saying]:
    """What is new about these phones for those who watch, rendered once for all.

    watched: topics and languages with at least one open socket.
    """
    boards = {topic.pk for topic, _ in watched if topic.kind == Kind.BOARD}
    single = {topic.pk for topic, _ in watched if topic.kind != Kind.BOARD}
    changed = set(phone_ids)
    concerned = Q(pk__in=changed & single) | Q(pk__in=changed, organization__in=boards)
    readers = Readers()
    for phone in told(OrganizationPhone.objects.filter(concerned)):
        story = Story.of(phone)
        for topic in topics_of(story):
            for language in (spoken for known, spoken in watched if known == topic):
                with translation.override(language):
                    text = encode(MESSAGES[topic.kind](story))
                allowed = readers.of(phone.organization_id, LEAST[topic.kind])
                yield Saying(topic, language, allowed, text)


def restated(watched: set[tuple[Topic, str]]) -> Iterator[Saying]:
    """Everything that is watched, as it is now: for changes that no row tells."""
    yield from sayings(
        {topic.pk for topic, _ in watched if topic.kind != Kind.BOARD},
        {(topic, spoken) for topic, spoken in watched if topic.kind != Kind.BOARD},
    )
    readers = Readers()
    for topic, language in watched:
        if topic.kind == Kind.BOARD:
            allowed = readers.of(topic.pk, LEAST[topic.kind])
            for text in current([topic], language):
                yield Saying(topic, language, allowed, text)


def current(topics: Iterable[Topic], language: str) -> Iterator[str]:
    """The state of topics as a new socket is told it."""
    wanted = set(topics)
    single = {topic.pk for topic in wanted if topic.kind != Kind.BOARD}
    with translation.override(language):
        for phone in told(OrganizationPhone.objects.filter(pk__in=single)):
            story = Story.of(phone)
            for topic in wanted.intersection(topics_of(story)):
                yield encode(MESSAGES[topic.kind](story))
        for topic in wanted:
            if topic.kind == Kind.BOARD:
                yield encode(board_state(topic.pk))


def encode(message: dict[str, Any]) -> str:
    """JSON with the server's time, by which browsers correct theirs."""
    said = {"now": timezone.now().timestamp(), **message}
    return json.dumps(said, ensure_ascii=False)


class Readers:
    """Who may read about which organization; one query each."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Role], str] = {}

    def of(self, organization_id: int, least: Role) -> str:
        key = (organization_id, least)
        if key not in self._known:
            people = User.objects.filter(is_active=True, is_staff=True).filter(
                Q(is_superuser=True)
                | Q(
                    memberships__organization_id=organization_id,
                    memberships__role__in=roles_from(least),
                )
            )
            ids = people.values_list("pk", flat=True).distinct()
            self._known[key] = "," + ",".join(map(str, ids)) + ","
        return self._known[key]
