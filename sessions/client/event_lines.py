"""Events of neonize as lines for the host; knows their fields, imports nothing.

Only the types listed in ``EVENT_LINES`` are subscribed; each function gets the event
and the library's own Device (None before it is known) and returns a line or None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .log_lines import mask_digits, mask_line
from .raw_node import node_line
from .wire import Line

# neonize numbers its enums itself; these are WhatsApp's own codes.
BAN_CODES: Final = {1: 101, 2: 102, 3: 103, 4: 104, 5: 106}
FAILURE_CODES: Final = {
    "GENERIC": 400,
    "LOGGED_OUT": 401,
    "TEMP_BANNED": 402,
    "MAIN_DEVICE_GONE": 403,
    "CLIENT_OUTDATED": 405,
    "UNKNOWN_LOGOUT": 406,
    "BAD_USER_AGENT": 409,
    "INTERNAL_SERVER_ERROR": 500,
    "EXPERIMENTAL": 501,
    "SERVICE_UNAVAILABLE": 503,
}
WRAPPERS: Final = (
    "deviceSentMessage",
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "documentWithCaptionMessage",
    "editedMessage",
)
TEXT_FIELDS: Final = ("conversation", "extendedTextMessage")
# Ride along with a message and say nothing of its kind.
COMPANION_FIELDS: Final = ("messageContextInfo", "senderKeyDistributionMessage")


def enum_name(event: Any, field: str) -> str:
    descriptor = event.DESCRIPTOR.fields_by_name[field].enum_type
    # A number of a later library is not set here, and reads as the first of them.
    if not event.HasField(field):
        return "UNKNOWN"
    return str(descriptor.values_by_number[getattr(event, field)].name)


def node_text(node: Any) -> str:
    """A raw node as XML, masked; of contents only the size is told."""
    return mask_line(_xml(node))


def _xml(node: Any) -> str:
    attributes = "".join(f' {a.name}="{_attribute(a)}"' for a in node.Attrs)
    inner = "".join(_xml(child) for child in node.Nodes)
    if node.Bytes:
        inner += f"<!-- {len(node.Bytes)} bytes -->"
    if not inner:
        return f"<{node.Tag}{attributes}/>"
    return f"<{node.Tag}{attributes}>{inner}</{node.Tag}>"


def _attribute(attribute: Any) -> str:
    """The value of the one kind that is set; texts and numbers are masked later."""
    fields = attribute.ListFields()
    value = next((value for field, value in fields if field.name != "name"), "")
    return masked_jid(value) if hasattr(value, "Server") else str(value)


def full_jid(jid: Any) -> str:
    """Write a JID with its device (``7705…:12@s.whatsapp.net``); "" if empty."""
    if not jid.User:
        return ""
    device = f":{jid.Device}" if jid.Device else ""
    return f"{jid.User}{device}@{jid.Server}"


def masked_jid(jid: Any) -> str:
    return f"{mask_digits(jid.User)}@{jid.Server}"


def pair_status(event: Any, me: Any) -> Line:
    """The LID is not in the event; the library tells it just before, as our Device."""
    return {
        "event": "pair_status",
        "status": enum_name(event, "Status"),
        "jid": full_jid(event.ID),
        "lid": full_jid(me.LID) if me is not None else "",
        "platform": event.Platform,
        "business_name": event.BusinessName,
        "error": mask_line(event.Error),
    }


def connected(_event: Any, _me: Any) -> Line:
    return {"event": "connected"}


def disconnected(_event: Any, _me: Any) -> Line:
    return {"event": "disconnected"}


def keepalive_timeout(event: Any, _me: Any) -> Line:
    return {
        "event": "keepalive_timeout",
        "error_count": event.ErrorCount,
        "last_success": event.LastSuccess,
    }


def keepalive_restored(_event: Any, _me: Any) -> Line:
    return {"event": "keepalive_restored"}


def offline_sync_completed(event: Any, _me: Any) -> Line:
    return {"event": "offline_sync_completed", "count": event.Count}


def logged_out(event: Any, _me: Any) -> Line:
    return {
        "event": "logged_out",
        "on_connect": event.OnConnect,
        "reason": enum_name(event, "Reason"),
    }


def stream_replaced(_event: Any, _me: Any) -> Line:
    return {"event": "stream_replaced"}


def client_outdated(_event: Any, _me: Any) -> Line:
    return {"event": "client_outdated"}


def temporary_ban(event: Any, _me: Any) -> Line:
    """``expire`` in seconds, 0 if the server did not say; ``code`` may be unknown."""
    return {
        "event": "temporary_ban",
        "code": BAN_CODES.get(event.Code) if event.HasField("Code") else None,
        "expire": event.Expire,
    }


def connect_failure(event: Any, _me: Any) -> Line:
    return {
        "event": "connect_failure",
        "code": FAILURE_CODES.get(enum_name(event, "Reason")),
        "message": mask_line(event.Message),
        "node": node_text(event.Raw),
        "raw": node_line(event.Raw),
    }


def stream_error(event: Any, _me: Any) -> Line:
    """``tag`` is the first child of the error, for instance ``conflict``."""
    children = event.Raw.Nodes
    return {
        "event": "stream_error",
        "code": event.Code,
        "tag": children[0].Tag if children else "",
        "node": node_text(event.Raw),
        "raw": node_line(event.Raw),
    }


def message(event: Any, _me: Any) -> Line:
    source = event.Info.MessageSource
    line: Line = {
        "event": "message",
        "from_me": source.IsFromMe,
        "chat": masked_jid(source.Chat),
        "kind": message_kind(event.Message),
        "id": event.Info.ID,
        "server_at": event.Info.Timestamp / 1000,
    }
    if source.IsFromMe:
        line["from_device"] = source.Sender.Device
    return line


def message_kind(content: Any) -> str:
    """Name the kind of content: text, image, …; never the content."""
    for _ in WRAPPERS:
        wrapper = next((name for name in WRAPPERS if content.HasField(name)), None)
        if wrapper is None:
            break
        content = getattr(content, wrapper).message
    names = [field.name for field, _ in content.ListFields()]
    for name in names:
        if name in TEXT_FIELDS:
            return "text"
        if name not in COMPANION_FIELDS:
            return str(name).removesuffix("Message")
    return "empty"


def receipt(event: Any, _me: Any) -> Line | None:
    """Only those of our own primary phone: they prove that it was switched on."""
    source = event.MessageSource
    if not source.IsFromMe or source.Sender.Device != 0:
        return None
    return {"event": "receipt", "from_own_phone": True}


def undecryptable(event: Any, _me: Any) -> Line:
    return {
        "event": "undecryptable",
        "chat": masked_jid(event.Info.MessageSource.Chat),
        "unavailable": event.IsUnavailable,
    }


EVENT_LINES: Final[dict[str, Callable[[Any, Any], Line | None]]] = {
    "PairStatus": pair_status,
    "Connected": connected,
    "Disconnected": disconnected,
    "KeepAliveTimeout": keepalive_timeout,
    "KeepAliveRestored": keepalive_restored,
    "OfflineSyncCompleted": offline_sync_completed,
    "LoggedOut": logged_out,
    "StreamReplaced": stream_replaced,
    "ClientOutdated": client_outdated,
    "TemporaryBan": temporary_ban,
    "ConnectFailure": connect_failure,
    "StreamError": stream_error,
    "Message": message,
    "Receipt": receipt,
    "UndecryptableMessage": undecryptable,
}
