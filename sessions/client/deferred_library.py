"""Importing neonize without its Go library, so that the import can be shared by fork.

A process that has loaded the library cannot fork: the Go runtime does not survive it.
neonize loads it while being imported and then declares the signatures of its functions.
Here ``ctypes.CDLL`` is replaced during that import: for neonize's file it returns a
recorder. After the fork the real library is loaded and every recorded signature is
applied to it. Measured on neonize 0.5.2, PSS of an idle session: 41 MiB with a plain
import, 11 to 12 MiB this way.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SIGNATURE_ATTRIBUTES = frozenset({"argtypes", "restype", "errcheck"})


class DeferredLibraryError(Exception):
    """The import did something a recorder cannot stand for."""


class RecordedFunction:
    """Stands for one function of the library and remembers its signature."""

    def __init__(self, name: str, answer: bytes | None) -> None:
        self.name = name
        self.signature: dict[str, Any] = {}
        self._answer = answer

    def __setattr__(self, attribute: str, value: object) -> None:
        if attribute in SIGNATURE_ATTRIBUTES:
            self.signature[attribute] = value
        super().__setattr__(attribute, value)

    def __call__(self, *arguments: object) -> bytes:
        if self._answer is None or arguments:
            raise DeferredLibraryError(f"{self.name} was called during the import")
        return self._answer

    def apply_to(self, function: Any) -> None:
        # ctypes refuses nothing here, but restype must stand before errcheck is used.
        for attribute in ("argtypes", "restype", "errcheck"):
            if attribute in self.signature:
                setattr(function, attribute, self.signature[attribute])


class DeferredLibrary:
    """Stands for the library until :meth:`bind`; afterwards hands out real functions.

    Bound functions become attributes of this object, so modules that imported it keep
    working and calls cost nothing extra.
    """

    def __init__(self, path: str, version: str) -> None:
        self._path = path
        self._version = version
        self._recorded: dict[str, RecordedFunction] = {}
        self._real: Any = None

    @property
    def path(self) -> str:
        return self._path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._real is not None:
            return self._bound(name)
        answer = self._version.encode() if name == "GetVersion" else None
        return self._recorded.setdefault(name, RecordedFunction(name, answer))

    def bind(self) -> None:
        """Load the real library by the ``ctypes.CDLL`` of this moment.

        Raise OSError if it cannot be loaded, AttributeError if it has no GetVersion and
        DeferredLibraryError if it is another version than was promised.
        """
        self._real = ctypes.CDLL(self._path)
        version = self.GetVersion()
        if version != self._version.encode():
            raise DeferredLibraryError(f"the library is {version!r}")

    def _bound(self, name: str) -> Any:
        """Look a function up once, at its first use: most are never used."""
        function = getattr(self._real, name)
        if name in self._recorded:
            self._recorded[name].apply_to(function)
        setattr(self, name, function)
        return function


@contextmanager
def loading_deferred(
    is_library: Callable[[str], bool], version: str
) -> Iterator[list[DeferredLibrary]]:
    """Within the block ``ctypes.CDLL`` records, loads nothing; yield what it made."""
    made: list[DeferredLibrary] = []
    real_cdll = ctypes.CDLL

    def deferring_cdll(name: Any = None, *arguments: Any, **options: Any) -> Any:
        if not isinstance(name, str | Path) or not is_library(str(name)):
            return real_cdll(name, *arguments, **options)
        made.append(DeferredLibrary(str(name), version))
        return made[-1]

    ctypes.CDLL = deferring_cdll  # type: ignore[assignment,misc]
    try:
        yield made
    finally:
        ctypes.CDLL = real_cdll  # type: ignore[misc]


@contextmanager
def muting_threads(module_prefix: str) -> Iterator[None]:
    """Within the block threads whose target lives in ``module_prefix`` do not start.

    The method is replaced, not the class: subclasses and later threads need the class.
    """
    real_start = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        target = getattr(thread, "_target", None)
        if not str(getattr(target, "__module__", "")).startswith(module_prefix):
            real_start(thread)

    threading.Thread.start = start  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        threading.Thread.start = real_start  # type: ignore[method-assign]
