"""Third-party modules that neonize imports for media, left out until they are used.

A session sends texts and needs none of them, yet they are 17 MiB of the forkserver and
1 MiB of each session (measured on neonize 0.5.2 with 25 sessions). During the import a
stand-in takes the place of each; what is imported from it becomes the real thing when
it is called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class LateObject:
    """Stands for ``path`` (``PIL.Image.open``) and becomes it at its first use."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return LateObject(f"{self._path}.{name}")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._find()(*arguments, **options)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._find())

    def __or__(self, other: object) -> Any:
        # Annotations such as ``str | Image.Image`` are evaluated when a def runs.
        return Any

    __ror__ = __or__

    def _find(self) -> Any:
        top, *names = self._path.split(".")
        found: Any = importlib.import_module(top)
        for count, name in enumerate(names, 1):
            if not hasattr(found, name):
                importlib.import_module(".".join((top, *names[:count])))
            found = getattr(found, name)
        return found


class LateModule(ModuleType):
    """Stands for a module: what is imported from it is a :class:`LateObject`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return LateObject(f"{self.__name__}.{name}")


@contextmanager
def importing_late(names: Iterable[str]) -> Iterator[None]:
    """Within the block these modules are stand-ins, unless they were imported."""
    stand_ins = {name: LateModule(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
