"""What a child of the forkserver finds in itself; each sends one JSON line and ends."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import logging
import os
import socket
import sys
import threading
from typing import Any

from sessions.client import event_lines, neonize_library
from sessions.client.linux_process import thread_count
from sessions.client.wire import SessionSettings


def signatures(library: Any, names: list[str]) -> dict[str, list[str]]:
    """Argument types, result type and errcheck of each function of the library."""
    found = {}
    for name in names:
        function = getattr(library, name)
        types = [str(each) for each in function.argtypes or ()]
        check = getattr(getattr(function, "errcheck", None), "__name__", "")
        found[name] = [*types, str(function.restype), check]
    return found


def exported_names() -> list[str]:
    """Every function neonize speaks of, from the text of its binder."""
    binder = importlib.import_module("neonize._binder")
    with open(str(binder.__file__), encoding="utf-8") as file:
        words = file.read().replace('"', ".").replace("(", ".").split(".")
    names = {word.split()[0] for word in words if word[:1].isupper() and word.split()}
    library = binder.gocode
    return sorted(name for name in names if name.isalnum() and hasattr(library, name))


def _reply(connection: socket.socket, **found: object) -> None:
    connection.sendall(json.dumps(found).encode() + b"\n")
    os._exit(0)


def before_loading(connection: socket.socket) -> None:
    _reply(
        connection,
        modules=sorted(sys.modules),
        threads=thread_count(),
        mapped=neonize_library.library_mappings(),
        frozen=gc.get_freeze_count(),
    )


def after_loading(connection: socket.socket) -> None:
    preloaded = neonize_library.load()
    library = importlib.import_module("neonize._binder").gocode
    _reply(
        connection,
        preloaded=preloaded,
        mapped=len(neonize_library.library_mappings()),
        signatures=signatures(library, exported_names()),
        version=library.GetVersion().decode(),
        same_everywhere=library is importlib.import_module("neonize.client").gocode,
        log_worker=importlib.import_module("neonize.utils.log")._thread.is_alive(),
        python_threads=[thread.name for thread in threading.enumerate()],
    )


def message_kinds(connection: socket.socket) -> None:
    """Kinds of messages built of the library's own types."""
    e2e = importlib.import_module("neonize.proto.waE2E.WAWebProtobufsE2E_pb2")
    message = e2e.Message
    text = message(conversation="secret")
    video = message(videoMessage=e2e.VideoMessage(caption="secret"))
    examples = {
        "conversation": text,
        "extended": message(extendedTextMessage=e2e.ExtendedTextMessage(text="x")),
        "image": message(imageMessage=e2e.ImageMessage()),
        "ephemeral video": message(
            ephemeralMessage=e2e.FutureProofMessage(message=video)
        ),
        "reaction": message(reactionMessage=e2e.ReactionMessage(text="x")),
        "protocol": message(protocolMessage=e2e.ProtocolMessage()),
        "text with context": message(
            messageContextInfo=e2e.MessageContextInfo(), conversation="secret"
        ),
        "nothing": message(),
    }
    _reply(
        connection,
        **{name: event_lines.message_kind(each) for name, each in examples.items()},
    )


def media(connection: socket.socket) -> None:
    """Use third-party modules by the names neonize knows them by."""
    neonize_library.load()
    client = importlib.import_module("neonize.client")
    image = client.Image.new("RGB", (3, 2))
    mime = client.magic.from_buffer(b"some words\n", mime=True)
    _reply(connection, mime=mime, size=image.size)


def nodes(connection: socket.socket) -> None:
    """A raw node with all that one may carry, as evidence."""
    proto = importlib.import_module("neonize.proto.Neonize_pb2")
    node, attrs, jid = proto.Node, proto.NodeAttrs, proto.JID
    own = jid(
        User="77054810862", RawAgent=0, Device=7, Integrator=0,
        Server="s.whatsapp.net", IsEmpty=False,
    )  # fmt: skip
    conflict = node(
        Tag="conflict",
        Attrs=[
            attrs(name="type", text="replaced"),
            attrs(name="key", text="q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0x1c="),
        ],
    )
    raw = node(
        Tag="stream:error",
        Attrs=[
            attrs(name="code", integer=500),
            attrs(name="from", jid=own),
            attrs(name="on", boolean=True),
        ],
        Nodes=[conflict, node(Tag="text", Bytes=b"secret")],
    )
    _reply(
        connection,
        node=event_lines.node_text(raw),
        empty=event_lines.node_text(node()),
    )


def later_events(connection: socket.socket) -> None:
    """Events with codes, reasons and bytes that this version does not know."""
    neonize_library.load()
    proto = importlib.import_module("neonize.proto.Neonize_pb2")
    binder = importlib.import_module("neonize._binder")
    lines: list[dict[str, Any]] = []
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger(neonize_library.__name__).addHandler(handler)
    client = neonize_library.Client(
        SessionSettings(1, "/nowhere", "sandbox", None, "x", 0.0, "", ""),
        on_line=lines.append,
        on_login_status=print,
        on_qr=print,
    )
    tell = binder.func_callback_bytes(client._client.event.execute)

    def send(code: int, content: bytes) -> None:
        tell(b"phone-1", ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p),
             len(content), code)  # fmt: skip

    sys.unraisablehook = lambda unraisable: None
    send(250, b"")
    reason = proto.ConnectFailure(Message="x").SerializePartialToString() + b"\x08\x63"
    send(9, reason)
    send(8, proto.TemporaryBan(Expire=5).SerializePartialToString() + b"\x08\x63")
    event_lines.EVENT_LINES["StreamError"].__globals__["node_text"] = None
    send(11, proto.StreamError().SerializePartialToString())
    send(3, proto.Connected(status=True).SerializeToString())
    _reply(
        connection,
        lines=[line["event"] for line in lines],
        codes=[line["code"] for line in lines[:2]],
        logged=logged,
    )


def unknown_events(connection: socket.socket) -> None:
    """Names we want to hear of that the library does not tell."""
    proto = importlib.import_module("neonize.proto.Neonize_pb2")
    known = importlib.import_module("neonize.events").EVENT_TO_INT
    _reply(
        connection,
        unknown=[
            name
            for name in event_lines.EVENT_LINES
            if getattr(proto, name, None) not in known
        ],
    )


if __name__ == "__main__":
    # A plain import in a fresh interpreter, to compare with.
    plain = importlib.import_module("neonize._binder").gocode
    sys.stdout.write(json.dumps(signatures(plain, exported_names())))
