"""The sockets: who may open which, and what they pass on.

Rights are checked when a socket opens, at each message (its list of readers is made
from the roles of that moment), and every half minute with the login itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.utils.module_loading import import_string

from phones.consumers.topics import LEAST, Kind, Topic, current
from phones.consumers.watcher import EVERY_SOCKET, Watcher
from phones.models import Organization, OrganizationPhone
from phones.row_ids import row_ids

FORBIDDEN = 4403  # close code: the page shows that its reader's rights have changed
MOST_ROWS = 200


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Passes on what is said about its topics; says nothing back, hears nothing."""

    topics: frozenset[Topic] = frozenset()
    language: str = settings.LANGUAGE_CODE
    user_id = 0

    def wanted(self, user: User) -> set[Topic]:
        """Topics of this page that `user` may watch."""
        raise NotImplementedError

    async def connect(self) -> None:
        self.language = self._language()
        allowed = await database_sync_to_async(self._allowed)(self.scope.get("user"))
        if not allowed:
            await self.close(code=FORBIDDEN)
            return
        self.user_id = self.scope["user"].pk
        self.topics = frozenset(allowed)
        await self._enter_groups()
        await Watcher.here().join(self.topics, self.language)
        await self.accept()
        for text in await database_sync_to_async(self._current)():
            await self.send(text_data=text)

    async def disconnect(self, code: int) -> None:
        if not self.topics:
            return
        for topic in self.topics:
            group = topic.group(self.language)
            await self.channel_layer.group_discard(group, self.channel_name)
        await self.channel_layer.group_discard(EVERY_SOCKET, self.channel_name)
        Watcher.here().leave(self.topics, self.language)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """Pages have nothing to say: every verb is a POST."""

    async def live_said(self, event: dict[str, Any]) -> None:
        if f",{self.user_id}," in event["readers"]:
            await self.send(text_data=event["text"])
        else:
            await self.close(code=FORBIDDEN)

    async def live_heartbeat(self, event: dict[str, Any]) -> None:
        """Still logged in, with the same rights? Keeps idle proxies open as well."""
        user = await self._person()
        allowed = await database_sync_to_async(self._allowed)(user)
        if self.topics <= allowed:
            # Groups of the in-memory layer forget a socket after a day.
            await self._enter_groups()
            await self.send(text_data="{}")
        else:
            await self.close(code=FORBIDDEN)

    async def _enter_groups(self) -> None:
        for topic in self.topics:
            group = topic.group(self.language)
            await self.channel_layer.group_add(group, self.channel_name)
        await self.channel_layer.group_add(EVERY_SOCKET, self.channel_name)

    async def _person(self) -> Any:
        """The user of the login as the database has it now."""
        session = self.scope.get("session")
        key = getattr(session, "session_key", None)
        if not key:
            return await User.objects.filter(pk=self.user_id).afirst()
        engine: type[SessionBase] = import_string(
            f"{settings.SESSION_ENGINE}.SessionStore"
        )
        return await get_user({**self.scope, "session": engine(key)})

    def _allowed(self, user: Any) -> set[Topic]:
        if not isinstance(user, User) or not (user.is_active and user.is_staff):
            return set()
        return self.wanted(user)

    def _current(self) -> list[str]:
        return list(current(self.topics, self.language))

    def _language(self) -> str:
        asked = self.query("language")
        known = dict(settings.LANGUAGES)
        return asked if asked in known else str(settings.LANGUAGE_CODE)

    def query(self, name: str) -> str:
        text: bytes = self.scope.get("query_string", b"")
        return parse_qs(text.decode("latin-1")).get(name, [""])[0]

    @property
    def phone_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["phone_id"])


class RowsConsumer(LiveConsumer):
    """Lines of a list: the phones that the page shows, ?ids=1,2,3."""

    def wanted(self, user: User) -> set[Topic]:
        ids = row_ids(self.query("ids").split(",")[:MOST_ROWS])
        rows = OrganizationPhone.objects.scoped(user, LEAST[Kind.ROW])
        return {
            Topic(Kind.ROW, pk)
            for pk in rows.filter(pk__in=ids).values_list("pk", flat=True)
        }


class PhoneConsumer(LiveConsumer):
    """The page of one phone."""

    kind = Kind.STORY

    def wanted(self, user: User) -> set[Topic]:
        rows = OrganizationPhone.objects.scoped(user, LEAST[self.kind])
        known = rows.filter(pk=self.phone_id).exists()
        return {Topic(self.kind, self.phone_id)} if known else set()


class StageConsumer(PhoneConsumer):
    """The QR page of one phone: whoever may link it."""

    kind = Kind.STAGE


class BoardConsumer(LiveConsumer):
    """The dashboard: all organizations of its reader."""

    def wanted(self, user: User) -> set[Topic]:
        own = Organization.objects.scoped(user, LEAST[Kind.BOARD])
        return {Topic(Kind.BOARD, pk) for pk in own.values_list("pk", flat=True)}


class NobodyConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Any other path."""

    async def connect(self) -> None:
        await self.close(code=FORBIDDEN)
