"""Servers on 127.0.0.1 that alerts are sent to."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Receiver:
    """A server in a thread; `received` is what came, oldest first."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.server = self.make()
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def make(self) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


class WebServer(Receiver):
    """A webhook; `answer` is its status, `location` where it redirects to."""

    def __init__(self) -> None:
        self.answer = 204
        self.location = ""
        self.requests: list[Any] = []
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret"

    def make(self) -> ThreadingHTTPServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests.append((self.path, dict(self.headers)))
                if owner.answer < 300:
                    owner.received.append(json.loads(body))
                self.send_response(owner.answer)
                if owner.location:
                    self.send_header("Location", owner.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Not into the test's output."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *arguments: object) -> None:
                """A client that ends the TLS handshake is none of the test's output."""

        return Server(("127.0.0.1", 0), Handler)


class MailServer(Receiver):
    """Speaks as much of SMTP as a sender needs; `refuses` answers RCPT with 550."""

    def __init__(self) -> None:
        self.refuses = False
        self.logins: list[str] = []
        super().__init__()

    @property
    def url(self) -> str:
        to = "to=duty@example.org,boss@example.org"
        return f"smtp://robot:s3cret@127.0.0.1:{self.port}/?{to}"

    def make(self) -> socketserver.ThreadingTCPServer:
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 here")
                for line in self.rfile:
                    word = line.split()[0].upper().decode() if line.split() else ""
                    if word == "EHLO":
                        self.say("250-here")
                        self.say("250 AUTH PLAIN")
                    elif word == "AUTH":
                        owner.logins.append(line.decode().strip())
                        self.say("235 welcome")
                    elif word == "RCPT" and owner.refuses:
                        self.say("550 nobody called s3cret here")
                    elif word == "DATA":
                        self.say("354 go on")
                        self.take()
                        self.say("250 taken")
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

            def take(self) -> None:
                lines = []
                for line in self.rfile:
                    if line == b".\r\n":
                        break
                    lines.append(line)
                owner.received.append(b"".join(lines))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        return Server(("127.0.0.1", 0), Handler)
