"""The only importer of neonize: pinned to 0.5.2, its Go library loaded after the fork.

The forkserver calls :func:`import_deferred` once; a session process calls :func:`load`.
Without the first (another version, more than one thread, any surprise) the second is a
plain import, which works the same and costs 30 MiB more.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .deferred_library import DeferredLibrary, loading_deferred, muting_threads
from .event_lines import EVENT_LINES
from .late_modules import importing_late
from .linux_process import thread_count
from .wire import Line, SessionSettings

logger = logging.getLogger(__name__)

VERSION = "0.5.2"
# Repeats _foreign_keys=on and ends in an unused name, because neonize appends
# "?_foreign_keys=on" to whatever it is given (measured on 0.5.2).
STORE_OPTIONS = (
    "?_journal_mode=WAL&_busy_timeout=10000&_txlock=immediate&_foreign_keys=on&_z="
)
MEDIA_MODULES = (
    "PIL",
    "httpx",
    "linkpreview",
    "magic",
    "phonenumbers",
    "requests",
    "segno",
    "tqdm",
)
# Media tools are looked for at each connect and missed aloud; we send text only.
QUIET_LOGGERS = ("neonize.utils.ffmpeg",)
# What they mean is often told by the log alone, which comes on a thread of its own.
EXPLAINED_BY_LOG = frozenset({"Connected", "Disconnected", "ConnectFailure"})
LOG_SECONDS = 0.3

_deferred: DeferredLibrary | None = None


class Unexpected(Exception):
    """Something the deferred import does not know how to handle."""


def import_deferred() -> bool:
    """Import neonize without its library, in a process that will only fork.

    Return False, log why and leave no trace of it if anything is not as expected.
    """
    global _deferred
    try:
        _deferred = _import_recorded()
    except Exception as error:
        logger.warning("preload falls back to a plain import reason=%s", error)
        _forget_neonize()
        return False
    return True


def _import_recorded() -> DeferredLibrary:
    version = importlib.metadata.version("neonize")
    if version != VERSION:
        raise Unexpected(f"neonize is {version}, this was proven with {VERSION}")
    if "neonize" in sys.modules:
        raise Unexpected("neonize is imported already")
    _expect_one_thread()
    with (
        importing_late(MEDIA_MODULES),
        loading_deferred(_is_library, VERSION) as made,
        muting_threads("neonize."),
    ):
        importlib.import_module("neonize.client")
    _expect_one_thread()
    if len(made) != 1:
        raise Unexpected(f"neonize asked for {len(made)} libraries")
    if library_mappings():
        raise Unexpected("the library is mapped")
    return made[0]


def parse_examples() -> None:
    """Read what a connecting session reads; the import must have succeeded."""
    proto = importlib.import_module("neonize.proto.Neonize_pb2")
    entry = proto.LogEntry(Message="", Level="INFO", Name="Client")
    for example in (entry, proto.Connected(status=True)):
        type(example).FromString(example.SerializeToString())


def _is_library(name: str) -> bool:
    path = Path(name)
    return path.parent.name == "neonize" and path.name.startswith("neonize-")


def _expect_one_thread() -> None:
    count = thread_count()
    if count != 1:
        raise Unexpected(f"the forkserver has {count} threads")


def _forget_neonize() -> None:
    for name in list(sys.modules):
        if name == "neonize" or name.startswith("neonize."):
            del sys.modules[name]


def library_mappings() -> list[str]:
    """Return the lines of /proc/self/maps that belong to neonize's library."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    return [line for line in maps.splitlines() if "/neonize/neonize-" in line]


def load() -> bool:
    """Load the Go library into this process; return whether the import was preloaded.

    After it the process must not fork. Raise OSError, ImportError or
    DeferredLibraryError if that is impossible.
    """
    if _deferred is None:
        importlib.import_module("neonize.client")
    else:
        _deferred.bind()
        _restart_log_worker()
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    return _deferred is not None


def _restart_log_worker() -> None:
    library_log = _log_module()
    worker = threading.Thread(target=library_log._worker, daemon=True)
    library_log._thread = worker
    worker.start()


def _log_module() -> Any:
    # The package hides this module behind a logger of the same name.
    return importlib.import_module("neonize.utils.log")


def _finish_log() -> None:
    """Return when what the library has logged so far was handed on, or soon after."""
    logged = _log_module()._log_queue
    with logged.all_tasks_done:
        logged.all_tasks_done.wait_for(lambda: not logged.unfinished_tasks, LOG_SECONDS)


def store_name(path: str) -> str:
    """Return the data source name of a store: WAL, patient locks, foreign keys."""
    return path + STORE_OPTIONS


def create_tables(path: str) -> None:
    """Let the library create its schema at ``path``; raise RuntimeError if it fails."""
    from neonize._binder import func_callback_bytes2, gocode
    from neonize.utils.log import log_whatsmeow

    keep_log_callback = func_callback_bytes2(log_whatsmeow)
    answer = gocode.GetAllDevices(store_name(path).encode(), keep_log_callback)
    if answer:
        raise RuntimeError("the new store is not empty: " + answer.decode()[:200])


class Client:
    """One linked device on neonize. Callbacks run on threads of Go: they only enqueue.

    ``on_line`` receives the lines of ``event_lines``, ``on_login_status`` and ``on_qr``
    the texts that are no events. After :meth:`stop` nothing may be called: several
    functions of 0.5.2 end the process then.
    """

    def __init__(
        self,
        settings: SessionSettings,
        *,
        on_line: Callable[[Line], None],
        on_login_status: Callable[[str], None],
        on_qr: Callable[[str], None],
    ) -> None:
        import neonize.proto.Neonize_pb2 as proto
        from neonize.client import NewClient
        from neonize.exc import NeonizeError
        from neonize.utils.enum import Presence

        self.error_type: type[Exception] = NeonizeError
        self._unavailable = Presence.UNAVAILABLE
        self._settings = settings
        self._client: Any = NewClient(
            store_name(settings.store_path),
            jid=_parse_jid(settings.jid) if settings.jid else None,
            props=_device_properties(settings.device_name),
            uuid=f"phone-{settings.phone_id}",
        )
        self._register(proto, on_line)
        self._client.qr(lambda _client, code: on_qr(code.decode()))

        def on_status(_uuid: Any, status: Any) -> None:
            text = ctypes.string_at(status).decode(errors="replace")
            _finish_log()  # why a pairing failed is told by the log alone
            on_login_status(text)

        # neonize prints a pointer here and tells nobody how a pairing ended.
        self._client._NewClient__onLoginStatus = on_status

    def _register(self, proto: Any, on_line: Callable[[Line], None]) -> None:
        for name, make_line in EVENT_LINES.items():

            def handle(
                client: Any, event: Any, name: str = name, make_line: Any = make_line
            ) -> None:
                try:
                    line = make_line(event, client.me)
                except Exception:
                    # ctypes would print it past our masks, and nobody would know.
                    logger.exception("event not read type=%s", name)
                    return
                if name in EXPLAINED_BY_LOG:
                    _finish_log()
                if line is not None:
                    on_line(line)

            self._client.event(getattr(proto, name))(handle)

    def connect(self) -> None:
        """Block for the life of the connection; raise ``error_type`` if it failed."""
        from neonize._binder import ProxySettings

        level = logging.DEBUG if self._settings.debug else logging.INFO
        # Read at connect only; the default would ship every XML node to Python.
        _log_module().log.setLevel(level)
        proxy = self._settings.proxy
        try:
            self._client.connect(ProxySettings(proxy_address=proxy) if proxy else None)
        finally:
            _finish_log()

    def stop(self) -> None:
        """Disconnect. Never returns while a QR is shown: call it in its own thread."""
        self._client._stop_finalizer.detach()
        self._client.stop()

    def send_text(self, user: str, server: str, text: str) -> str:
        """Send to a user, wait for the server's ack, return the message id.

        Raise ``error_type`` with the server's or library's words; blocks up to 75 s.
        """
        from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message

        message = Message(conversation=text)
        response = self._client.send_message(_make_jid(user, server), message)
        return str(response.ID)

    def show_unavailable(self) -> None:
        """Send presence *unavailable*: sets the push name, keeps the phone's alerts."""
        self._client.send_presence(self._unavailable)

    def logout(self) -> None:
        """Unlink this device at WhatsApp; the library deletes its keys."""
        self._client.logout()


def _make_jid(user: str, server: str, device: int = 0) -> Any:
    from neonize.proto.Neonize_pb2 import JID

    return JID(
        User=user, RawAgent=0, Device=device, Integrator=0, Server=server, IsEmpty=False
    )


def _parse_jid(jid: str) -> Any:
    user, _, server = jid.partition("@")
    number, _, device = user.partition(":")
    return _make_jid(number, server, int(device or 0))


def _device_properties(device_name: str) -> Any:
    from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps

    # DESKTOP shows the name alone; a browser would be put in front of it.
    return DeviceProps(os=device_name, platformType=DeviceProps.DESKTOP)
