"""A progress bar on the terminal; nothing where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar, cast

from tqdm import tqdm

Item = TypeVar("Item")


def shown(items: Iterable[Item], *, unit: str, stream: object) -> Iterator[Item]:
    """The same items, counted on `stream` while they pass if it is a terminal."""
    # A terminal that does not know its size gets a usual one, not a hidden bar.
    columns, lines = shutil.get_terminal_size()
    yield from tqdm(
        items,
        unit=f" {unit}",
        file=stream,
        disable=None,
        leave=False,
        ncols=columns,
        nrows=lines,
    )


def paused() -> AbstractContextManager[None]:
    """Lines written within it do not run into the bar."""
    return cast("AbstractContextManager[None]", tqdm.external_write_mode())
