"""One real client in a process of its own: events out, commands in, as JSON lines.

    HTTPS_PROXY=… SSL_CERT_FILE=… companion.py STORE ROOT_KEY

Commands: {"do": "send", "to": number, "text": …}, {"do": "logout"}. It ends with the
end of its input.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import sys
import threading
import time

WHATSAPP_ROOT_KEY = bytes.fromhex(
    "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
)
OPTIONS = (
    "?_journal_mode=WAL&_busy_timeout=10000&_txlock=immediate&_foreign_keys=on&_z="
)
EVENTS = (
    *("ClientOutdatedEv", "ConnectFailureEv", "ConnectedEv", "DisconnectedEv"),
    *("KeepAliveTimeoutEv", "LoggedOutEv", "MessageEv", "OfflineSyncCompletedEv"),
    *("PairStatusEv", "ReceiptEv", "StreamErrorEv", "StreamReplacedEv"),
    *("TemporaryBanEv", "UndecryptableMessageEv"),
)

# Go prints to stdout; the events need a way of their own.
_out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
_lock = threading.Lock()
_began = time.monotonic()


def say(event: str, **fields: object) -> None:
    line = {"event": event, "after": round(time.monotonic() - _began, 4)} | fields
    with _lock:
        _out.write(json.dumps(line) + "\n")


def replace_root_key(key: bytes) -> None:
    places = []
    with open("/proc/self/maps", encoding="utf-8") as maps:
        lines = [line for line in maps if "neonize-" in line and " rw-p " in line]
    for line in lines:
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        at = ctypes.string_at(first, last - first).find(WHATSAPP_ROOT_KEY)
        if at >= 0:
            places.append(first + at)
    if len(places) != 1:
        raise SystemExit(f"root key found {len(places)} times")
    ctypes.memmove(places[0], key, len(key))


def jid_text(jid) -> str:
    device = f":{jid.Device}" if jid.Device else ""
    return f"{jid.User}{device}@{jid.Server}"


def details(name: str, event) -> dict[str, object]:
    if name == "PairStatusEv":
        return {"jid": jid_text(event.ID), "error": event.Error}
    if name == "MessageEv":
        source = event.Info.MessageSource
        text = event.Message.conversation or event.Message.extendedTextMessage.text
        sender = jid_text(source.Sender)
        return {"text": text, "from": sender, "from_me": source.IsFromMe}
    if name == "ReceiptEv":
        source = event.MessageSource
        ids = list(event.MessageIDs)
        return {"from": jid_text(source.Sender), "type": event.Type, "ids": ids}
    if name == "LoggedOutEv":
        return {"on_connect": event.OnConnect, "reason": event.Reason}
    if name == "TemporaryBanEv":
        return {"code": event.Code, "expire": event.Expire}
    if name in ("ConnectFailureEv", "StreamErrorEv"):
        return {"text": str(event)}
    return {}


def make_client(store: str):
    import neonize.events as events
    from neonize.client import NewClient

    client = NewClient(store + OPTIONS, uuid="companion")
    for name in EVENTS:

        def handle(_client, event, name=name) -> None:
            say(name, **details(name, event))

        client.event(getattr(events, name))(handle)
    client.qr(lambda _client, code: say("qr", code=code.decode()))
    client._NewClient__onLoginStatus = lambda _uuid, status: say(
        "login_status", status=ctypes.string_at(status).decode()
    )
    return client


def connect(client) -> None:
    from neonize.exc import NeonizeError

    try:
        client.connect()
        say("connect_returned")
    except NeonizeError as error:
        say("connect_raised", text=str(error))


def obey(client, command: dict[str, str]) -> None:
    from neonize.utils.jid import build_jid

    try:
        if command["do"] == "send":
            began = time.monotonic()
            count = int(command.get("count", 1))
            for number in range(count):
                text = command["text"] if count == 1 else f"{command['text']}{number}"
                answer = client.send_message(build_jid(command["to"]), text)
            seconds = time.monotonic() - began
            say("sent", id=answer.ID, seconds=seconds)
        elif command["do"] == "logout":
            client.logout()
            say("logged_out_by_itself")
    except Exception as error:
        say("failed", text=str(error))


def main() -> None:
    store, root_key = sys.argv[1:]
    from neonize.utils.log import log

    log.setLevel(logging.INFO)
    client = make_client(store)
    replace_root_key(bytes.fromhex(root_key))
    say("loaded")
    threading.Thread(target=connect, args=(client,), daemon=True).start()
    for line in sys.stdin:
        obey(client, json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    main()
