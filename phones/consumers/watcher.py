"""One task per web process that turns changes into messages for open pages.

Started by the first socket (daphne has no lifespan), ended with the last, started
again when it fails. What changed is rendered once per language, not per socket.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from functools import partial
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from phones.admin.stage import end_unclaimed
from phones.consumers.topics import Kind, Saying, Topic, restated, sayings
from phones.live import watch
from phones.models import Change
from sessions.models import Host

logger = logging.getLogger(__name__)

TICK = 2.0  # seconds; how late a dead server or an unclaimed Link is noticed
HEARTBEAT = 30.0  # seconds between checks of each socket's right to be there
RETRY = 1.0  # seconds until a failed watcher starts again
PATIENCE = 5.0  # seconds a socket waits for the watcher to listen
EVERY_SOCKET = "sockets"

Watched = set[tuple[Topic, str]]


class Watcher:
    """What the sockets of this process watch, and the task that tells them."""

    _by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Watcher] = (
        WeakKeyDictionary()
    )

    def __init__(self) -> None:
        self.watched: Counter[tuple[Topic, str]] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._alive: set[uuid.UUID] = set()

    @classmethod
    def here(cls) -> Watcher:
        """The watcher of the running event loop."""
        return cls._by_loop.setdefault(asyncio.get_running_loop(), cls())

    async def join(self, topics: Iterable[Topic], language: str) -> None:
        """From here on changes of `topics` are told to their groups."""
        self.watched.update((topic, language) for topic in topics)
        if self._task is None or self._task.done():
            self._listening.clear()
            self._task = asyncio.create_task(self._run())
        try:
            await asyncio.wait_for(self._listening.wait(), PATIENCE)
        except TimeoutError:
            logger.warning("the database is slow, a page opens without wake-ups")

    def leave(self, topics: Iterable[Topic], language: str) -> None:
        self.watched.subtract((topic, language) for topic in topics)
        self.watched += Counter()  # drops what nobody watches any more
        if not self.watched and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._follow_changes())
                    both.create_task(self._follow_clock())
            except Exception:
                logger.exception("watcher of changes failed, starting again")
            await asyncio.sleep(RETRY)

    async def _follow_changes(self) -> None:
        again = self._listening.is_set()
        async with aclosing(watch(Change.Kind.FACT, Change.Kind.WISH)) as batches:
            async for phone_ids in batches:
                self._listening.set()
                if phone_ids:
                    await self._say(partial(sayings, phone_ids))
                elif again:
                    await self._say(restated)

    async def _follow_clock(self) -> None:
        """What no change tells: servers that die, Links nobody claims, time itself."""
        self._alive = await database_sync_to_async(_alive_hosts)()
        ticks = 0
        while True:
            await asyncio.sleep(TICK)
            ticks += 1
            if any(topic.kind == Kind.STAGE for topic, _ in self.watched):
                await database_sync_to_async(end_unclaimed)()
            alive = await database_sync_to_async(_alive_hosts)()
            if alive != self._alive:
                self._alive = alive
                await self._say(restated)
            if ticks * TICK % HEARTBEAT < TICK:
                await get_channel_layer().group_send(
                    EVERY_SOCKET, {"type": "live.heartbeat"}
                )
                await self._say(restated, only=(Kind.STORY, Kind.STAGE))

    async def _say(
        self,
        render: Callable[[Watched], Iterator[Saying]],
        only: tuple[Kind, ...] = tuple(Kind),
    ) -> None:
        watched = {(topic, lang) for topic, lang in self.watched if topic.kind in only}
        said = await database_sync_to_async(lambda: list(render(watched)))()
        layer = get_channel_layer()
        for saying in said:
            await layer.group_send(
                saying.topic.group(saying.language),
                {"type": "live.said", "readers": saying.readers, "text": saying.text},
            )


def _alive_hosts() -> set[uuid.UUID]:
    return set(Host.objects.alive().values_list("pk", flat=True))
