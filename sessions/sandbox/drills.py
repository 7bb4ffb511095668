"""Faults on request: what a person drills with, and what the tests provoke."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sessions.sandbox.companion import Companion
from sessions.sandbox.faults import (
    BROKEN_CONNECTIONS,
    PAUSE_STEPS,
    SPOILED_SCANS,
    Fault,
    Target,
)
from sessions.sandbox.jids import Jid
from sessions.sandbox.nodes import Attribute, Node

if TYPE_CHECKING:
    from sessions.sandbox.server import Sandbox

Arguments = dict[str, Any]

BANNED = 402
MAX_SECONDS = 7 * 86400.0


class CallError(Exception):
    """The call cannot be done; the text is the sentence for the caller."""


def apply(sandbox: Sandbox, arguments: Arguments) -> dict[str, Any]:
    """Do the fault. Raises CallError. `affected` counts the connections it hit."""
    drill = DRILLS.get(str(arguments.get("kind")))
    if drill is None:
        raise CallError(f"There is no fault {arguments.get('kind')!r}.")
    target = target_of(arguments)
    if target.number is not None and sandbox.accounts.get(target.number) is None:
        raise CallError("There is no such account.")
    affected = drill(sandbox, target, arguments)
    sandbox.events.add("fault", fault=arguments["kind"], number=target.number or "all")
    return {"affected": affected}


def target_of(arguments: Arguments) -> Target:
    """Whom the call names by `jid`, or by `number` and perhaps `device`."""
    try:
        if arguments.get("jid"):
            jid = Jid.parse(str(arguments["jid"]))
            return Target(jid.user, jid.device or None)
        if not arguments.get("number"):
            return Target()
        device = arguments.get("device")
        number = str(arguments["number"]).lstrip("+")
        return Target(number, None if device is None else int(device))
    except (TypeError, ValueError) as error:
        raise CallError("The jid, number or device is not a proper one.") from error


def _hit(sandbox: Sandbox, target: Target) -> list[Companion]:
    return [
        companion for companion in sandbox.online.all() if target.hits(*companion.key)
    ]


def _drop(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    connections = _connections(sandbox, target)
    for connection in connections:
        connection.reset()
    return len(connections)


def _close(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    connections = _connections(sandbox, target)
    for connection in connections:
        connection.close()
    return len(connections)


def _connections(sandbox: Sandbox, target: Target) -> list[Any]:
    """All sockets, those of pairings too, if nobody is named."""
    if target.number is None:
        return list(sandbox.connections.values())
    return [companion.connection for companion in _hit(sandbox, target)]


def _stream_error(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    """With a code, or with the tag of a child and perhaps no code."""
    child = arguments.get("child")
    children = [Node(str(child))] if child else []
    attributes: dict[str, Attribute] = {}
    if not child or arguments.get("code") is not None:
        attributes["code"] = str(_whole(arguments, "code"))
    companions = _hit(sandbox, target)
    for companion in companions:
        companion.throw_out(Node("stream:error", attributes, children))
    return len(companions)


def _replace(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    companions = _hit(sandbox, target)
    for companion in companions:
        sandbox.online.replace(companion)
    return len(companions)


def _mute(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    what = arguments.get("what", "all")
    if what not in ("pings", "all"):
        raise CallError("'what' needs to be 'pings' or 'all'.")
    seconds = None
    if arguments.get("seconds") is not None:
        seconds = _seconds(arguments)
    _stand(sandbox, "mute", target, seconds, {"what": what})
    if seconds is not None:
        loop = asyncio.get_running_loop()
        loop.call_later(seconds + 0.01, _send_queues, sandbox, target)
    return len(_hit(sandbox, target))


def _unmute(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    sandbox.faults.remove("mute", target)
    _send_queues(sandbox, target)
    return len(_hit(sandbox, target))


def _send_queues(sandbox: Sandbox, target: Target) -> None:
    for companion in _hit(sandbox, target):
        companion.send_queue()


def _refuse(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    """A code to answer with: to logins, to clients that pair, or to messages."""
    options: dict[str, Any] = {"code": _whole(arguments, "code")}
    for name in ("ban_code", "expire", "times"):
        if arguments.get(name) is not None:
            options[name] = _whole(arguments, name)
    _stand(sandbox, arguments["kind"], target, None, options)
    return 0


def _spoil_messages(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    """Messages on their way to the target arrive damaged."""
    options = {"times": _whole(arguments, "times")} if "times" in arguments else {}
    _stand(sandbox, "spoil_messages", target, None, options)
    return len(_hit(sandbox, target))


def _spoil_scan(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    """The next scan by this phone goes wrong."""
    how = _one_of(arguments, "how", SPOILED_SCANS)
    _stand(sandbox, "spoil_scan", target, None, {"how": how, "times": 1})
    return 0


def _break_connections(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    how = _one_of(arguments, "how", BROKEN_CONNECTIONS)
    seconds = _seconds(arguments)
    _stand(sandbox, "break_connections", target, seconds, {"how": how})
    return 0


def _calm(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    """End every fault of the target, or all that there are."""
    sandbox.faults.clear(target)
    _send_queues(sandbox, target)
    return 0


def _allow_login(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    sandbox.faults.remove("refuse_login", target)
    return 0


def _for_a_time(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    _stand(sandbox, arguments["kind"], target, _seconds(arguments), {})
    return 0


def _late_acks(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    seconds = _seconds(arguments)
    _stand(sandbox, "late_acks", target, None, {"seconds": seconds})
    return len(_hit(sandbox, target))


def _pause_after(sandbox: Sandbox, target: Target, arguments: Arguments) -> int:
    step = _one_of(arguments, "step", PAUSE_STEPS)
    seconds = _seconds(arguments)
    _stand(sandbox, f"pause_{step}", target, None, {"seconds": seconds})
    return 0


def _stand(
    sandbox: Sandbox,
    kind: str,
    target: Target,
    seconds: float | None,
    options: dict[str, Any],
) -> None:
    """Put a fault in force; one of no duration or length ends the earlier one."""
    if seconds == 0 or options.get("seconds") == 0:
        sandbox.faults.remove(kind, target)
        return
    now = asyncio.get_running_loop().time()
    until = None if seconds is None else now + seconds
    sandbox.faults.add(Fault(kind, target, until, options))


def _one_of(arguments: Arguments, name: str, known: tuple[str, ...]) -> str:
    value = arguments.get(name)
    if value not in known:
        raise CallError(f"{name!r} needs to be one of {', '.join(known)}.")
    return str(value)


def _whole(arguments: Arguments, name: str) -> int:
    try:
        return int(arguments[name])
    except (KeyError, TypeError, ValueError) as error:
        raise CallError(f"{name!r} needs a whole number.") from error


def _seconds(arguments: Arguments) -> float:
    try:
        seconds = float(arguments["seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise CallError("'seconds' needs a number.") from error
    if not 0 <= seconds <= MAX_SECONDS:
        raise CallError("'seconds' is out of range.")
    return seconds


DRILLS: dict[str, Callable[[Sandbox, Target, Arguments], int]] = {
    "drop": _drop,
    "close": _close,
    "stream_error": _stream_error,
    "replace": _replace,
    "mute": _mute,
    "unmute": _unmute,
    "refuse_login": _refuse,
    "refuse_pairing": _refuse,
    "answer_messages": _refuse,
    "spoil_messages": _spoil_messages,
    "spoil_scan": _spoil_scan,
    "break_connections": _break_connections,
    "calm": _calm,
    "allow_login": _allow_login,
    "refuse_connections": _for_a_time,
    "no_success": _for_a_time,
    "late_acks": _late_acks,
    "pause_after": _pause_after,
}
