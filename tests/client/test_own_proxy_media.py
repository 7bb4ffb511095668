"""Media, the history of a new device among it, take the phone's own proxy too."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessions.client import forkserver, neonize_library, own_proxy
from sessions.client.store_schema import create_schema
from sessions.client.wire import SessionSettings
from sessions.sandbox.control import SandboxControl
from tests.acceptance.proxies import RecordingProxy, SocksProxy
from tests.client.real_realm import RealRealm
from tests.client.session_driver import session_settings
from tests.processes import ROOT, environment, wait_until

MEDIA_HOST = "mmg.whatsapp.net:443"
# The sandbox has no media; this one names a host for them.
SANDBOX = """
import runpy
from sessions.sandbox import queries
from sessions.sandbox.nodes import Node
host = Node("host", {"hostname": "mmg.whatsapp.net"})
attributes = {"auth": "x", "ttl": "300", "auth_ttl": "300", "max_buckets": "12"}
queries.ANSWERS["w:m"] = lambda *asked: [Node("media_conn", attributes, [host])]
runpy.run_module("sessions.sandbox", run_name="__main__")
"""


@pytest.fixture
def media_sandbox(tmp_path: Path) -> Iterator[SandboxControl]:
    directory = tmp_path / "sandbox"
    directory.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SANDBOX, "--directory", str(directory)],
        cwd=ROOT,
        env=environment(directory),
    )
    try:
        wait_until((directory / "sandbox.json").exists, "the sandbox's start")
        yield SandboxControl(directory)
    finally:
        process.terminate()
        process.wait(10)


def ask_for_media(connection: socket.socket, settings: SessionSettings) -> None:
    """In a child of the forkserver: pair by the code it tells, then download."""
    own_proxy.prepare(settings)
    neonize_library.load()
    connected = threading.Event()

    def on_line(line):
        if line["event"] == "connected":
            connected.set()

    client = neonize_library.Client(
        settings,
        on_line=on_line,
        on_login_status=lambda status: None,
        on_qr=lambda code: connection.sendall(json.dumps(code).encode() + b"\n"),
    )
    threading.Thread(target=client.connect, daemon=True).start()
    connected.wait(30)
    e2e = importlib.import_module("neonize.proto.waE2E.WAWebProtobufsE2E_pb2")
    image = e2e.ImageMessage(
        directPath="/v/t1?a=1",
        mediaKey=b"k" * 32,
        fileEncSHA256=b"e" * 32,
        fileSHA256=b"s" * 32,
        fileLength=10,
    )
    client._client.download_any(e2e.Message(imageMessage=image))
    os._exit(0)


@pytest.mark.parametrize("kind", [RecordingProxy, SocksProxy], ids=["http", "socks5"])
def test_media_take_the_phones_proxy(media_sandbox, tmp_path, kind):
    own = kind(media_sandbox.description["proxy"])
    site = RecordingProxy()
    realm = RealRealm(tmp_path, media_sandbox.description)
    realm.start(HTTPS_PROXY=site.address)
    ours, theirs = socket.socketpair()
    settings = session_settings(tmp_path, None, proxy=own.address)
    create_schema(settings.store_path, "whatsapp")
    process = forkserver.run(ask_for_media, (theirs, settings))
    try:
        theirs.close()
        with ours, ours.makefile() as told:
            media_sandbox.scan(json.loads(told.readline()), "77054910001")
            wait_until(
                lambda: any(MEDIA_HOST in asked for asked in own.requests),
                "a request for media",
                60,
            )
        assert site.requests == []
    finally:
        process.kill()
        process.join(10)
        process.close()
        realm.close()
        own.close()
        site.close()
