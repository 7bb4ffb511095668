"""One running session: obeys the host, passes on events, proves that it lives."""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import NoReturn, Protocol

from . import deadman
from .exit_codes import CONNECT_RAISED, CRASHED, HOST_GONE, STOPPED
from .linux_process import lower_priority, resident_kilobytes
from .log_lines import LogTap, install, mask_line, set_debug
from .outbox import Outbox
from .proof_of_life import ProofOfLife
from .sending import OutgoingText, Sender, error_words, result_line
from .wire import Line, LineReader, SessionSettings, WireError

logger = logging.getLogger(__name__)

QR_CODES = 6
FIRST_QR_SECONDS = 60
NEXT_QR_SECONDS = 20
STOP_SECONDS = 0.4
SEND_GRACE_SECONDS = 0.6
FLUSH_SECONDS = 0.3
# A stop waits until WhatsApp has sent nothing for QUIET_MS, but no longer than this.
QUIET_SECONDS = 0.4
QUIET_MS = 150

CONNECTED_AFTER = {
    "connected": True,
    "disconnected": False,
    "logged_out": False,
    "stream_replaced": False,
    "client_outdated": False,
    "temporary_ban": False,
    "connect_failure": False,
}


class SessionClient(Protocol):
    error_type: type[Exception]

    def connect(self) -> None: ...

    def stop(self) -> None: ...

    def logout(self) -> None: ...

    def send_text(self, user: str, server: str, text: str) -> str: ...

    def show_unavailable(self) -> None: ...


class Session:
    """The main thread runs the control loop; Go's threads only put lines.

    It alone keeps its priority: where the machine has too much to do, a renewal of the
    deadline must be heard all the same.
    """

    def __init__(
        self,
        connection: socket.socket,
        settings: SessionSettings,
        make_client: Callable[..., SessionClient],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._deadline = settings.deadline
        self._outbox = Outbox(connection)
        self._outbox.start()
        self._tap = LogTap(self._outbox.put)
        install(self._tap, debug=settings.debug)
        self._proof = ProofOfLife()
        self._connected = False
        self._stopping = False
        self._codes = 0
        self._received = 0
        self._undecryptable = 0
        self._client = make_client(
            settings,
            on_line=self._on_line,
            on_login_status=self._on_login_status,
            on_qr=self._on_qr,
        )
        self._sender = Sender(
            self._client,
            emit_line=self._outbox.put,
            is_connected=lambda: self._connected,
        )

    def say_hello(self, *, library: str, loaded_ms: int, preloaded: bool) -> None:
        self._outbox.put(
            {
                "event": "hello",
                "pid": os.getpid(),
                "library": library,
                "loaded_ms": loaded_ms,
                "preloaded": preloaded,
            }
        )

    def run(self) -> NoReturn:
        """Connect, then obey the host until told to stop, or until it is gone."""
        threading.Thread(target=self._connect, name="connect", daemon=True).start()
        self._sender.start()
        reader = LineReader()
        alive_at = time.monotonic() + self._settings.alive_seconds
        while True:
            timeout = max(alive_at - time.monotonic(), 0)
            if select.select([self._connection], [], [], timeout)[0]:
                self._obey_all(reader)
            if time.monotonic() >= alive_at:
                alive_at = time.monotonic() + self._settings.alive_seconds
                self._outbox.put_later(self._alive_line)

    def _obey_all(self, reader: LineReader) -> None:
        try:
            chunk = self._connection.recv(65536)
            commands = reader.feed(chunk)
        except OSError:
            os._exit(HOST_GONE)
        except WireError:
            logger.exception("the host sent something unreadable")
            self._outbox.flush(FLUSH_SECONDS)
            os._exit(CRASHED)
        if not chunk:
            os._exit(HOST_GONE)
        for command in commands:
            self._obey(command)

    def _obey(self, command: Line) -> None:
        match command:
            case {"do": "renew", "deadline": float() | int() as deadline}:
                self._deadline = float(deadline)
                deadman.arm(self._deadline)
            case {"do": "send", "id": str() as id_, "to": str() as to, "text": str(t)}:
                self._sender.send(OutgoingText(id_, to, t))
            case {"do": "logout", "id": str() as id_}:
                threading.Thread(target=self._logout, args=(id_,), daemon=True).start()
            case {"do": "stop"}:
                self._stop()
            case {"do": "debug", "on": bool() as on}:
                set_debug(self._tap, on=on)
            case _:
                logger.warning("unknown command do=%s", command.get("do"))

    # Runs on Go's thread: count, queue, return. Go waits meanwhile.
    def _on_line(self, line: Line) -> None:
        event = line["event"]
        self._connected = CONNECTED_AFTER.get(event, self._connected)
        if event == "message":
            self._received += 1
        elif event == "undecryptable":
            self._undecryptable += 1
        self._outbox.put(line)
        if event == "connected":
            self._outbox.put_later(self._first_alive_line)
            self._sender.show_unavailable()

    def _on_login_status(self, status: str) -> None:
        self._outbox.put({"event": "login_status", "status": mask_line(status)})

    def _on_qr(self, code: str) -> None:
        """whatsmeow shows the first of six codes for 60 s, every other for 20 s."""
        self._codes += 1
        first = self._codes == 1
        self._outbox.put(
            {
                "event": "qr",
                "code": code,
                "k": self._codes,
                "of": max(QR_CODES, self._codes),
                "valid_seconds": FIRST_QR_SECONDS if first else NEXT_QR_SECONDS,
            }
        )

    def _first_alive_line(self) -> Line:
        self._proof.choose()
        return self._alive_line()

    def _alive_line(self) -> Line:
        return {
            "event": "alive",
            "connected": self._connected,
            "recv_age_ms": self._proof.recv_age_ms(),
            "rss_kb": resident_kilobytes(),
            "received": self._received,
            "sent": self._sender.sent,
            "undecryptable": self._undecryptable,
            "deadline": self._deadline,
        }

    def _connect(self) -> None:
        """connect() blocks for life; whatever ends it unasked ends the process."""
        lower_priority()
        text = "connect() returned"
        try:
            self._client.connect()
        except Exception as error:
            # Some refusals reach Python as words only, so any raise ends the process.
            text = error_words(error)
        if self._stopping:
            return
        self._connected = False
        self._outbox.put({"event": "connect_raised", "text": text})
        self._outbox.flush(FLUSH_SECONDS)
        os._exit(CONNECT_RAISED)

    def _logout(self, command_id: str) -> None:
        if not self._connected:
            error = "The phone is not connected."
            self._outbox.put(result_line(command_id, error=error))
            return
        try:
            self._client.logout()
        except self._client.error_type as error:
            self._outbox.put(result_line(command_id, error=error_words(error)))
            return
        self._outbox.put(result_line(command_id))
        self._stop()

    def _stop(self) -> NoReturn:
        """Finish what is under way, disconnect, empty the outbox; 1.7 s at most."""
        self._stopping = True
        self._sender.wait_idle(SEND_GRACE_SECONDS)
        self._wait_quiet()
        # While a QR is shown the library's stop() never returns.
        disconnect = threading.Thread(target=self._stop_client, daemon=True)
        disconnect.start()
        disconnect.join(STOP_SECONDS)
        self._outbox.flush(FLUSH_SECONDS)
        os._exit(STOPPED)

    def _wait_quiet(self) -> None:
        """Let what has just arrived be read, and its receipts leave.

        A message without a receipt comes again, and its key is used up: whoever goes on
        with this device, another client above all, would ask the sender for it again.
        """
        until = time.monotonic() + QUIET_SECONDS
        while self._connected and time.monotonic() < until:
            age = self._proof.recv_age_ms()
            if age is None or age >= QUIET_MS:
                return
            time.sleep((QUIET_MS - age) / 1000)

    def _stop_client(self) -> None:
        try:
            self._client.stop()
        except self._client.error_type as error:
            logger.info("stop failed reason=%s", error_words(error))
