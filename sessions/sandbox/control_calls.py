"""The calls of the control API: what each takes, checks and gives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sessions.sandbox import drills
from sessions.sandbox.accounts import Account, LinkedDevice
from sessions.sandbox.codes import ScanError
from sessions.sandbox.drills import CallError
from sessions.sandbox.settings import SettingsError

if TYPE_CHECKING:
    from sessions.sandbox.server import Sandbox

Arguments = dict[str, Any]
Result = dict[str, Any]

NUMBER = re.compile(r"[1-9]\d{6,14}")


def state(sandbox: Sandbox, arguments: Arguments) -> Result:
    return {
        "accounts": [_describe(sandbox, a) for a in sandbox.accounts.all()],
        "pairings": [
            {
                "id": pairing.id,
                "since": pairing.since,
                "refs_left": pairing.refs_left,
                "device_name": pairing.device_name,
            }
            for pairing in sandbox.pairings.values()
        ],
        "statistics": sandbox.events.totals(),
        "double_logins": sandbox.online.double_logins(),
        "settings": asdict(sandbox.settings),
        "faults": sandbox.faults.describe(asyncio.get_running_loop().time()),
    }


def events(sandbox: Sandbox, arguments: Arguments) -> Result:
    return {"events": sandbox.events.after(_integer(arguments, "after", 0))}


def prekeys(sandbox: Sandbox, arguments: Arguments) -> Result:
    number, device = _number(arguments), _integer(arguments, "device", 1)
    return dict(sandbox.prekeys.log(number, device))


def accounts(sandbox: Sandbox, arguments: Arguments) -> Result:
    account = sandbox.accounts.ensure(_number(arguments), _text(arguments, "name"))
    return {"number": account.number, "name": account.name, "lid": account.lid}


def scan(sandbox: Sandbox, arguments: Arguments) -> Result:
    number = _number(arguments) if arguments.get("number") else None
    try:
        return {"jid": str(sandbox.scan(_text(arguments, "code"), number))}
    except ScanError as error:
        raise CallError(str(error)) from error


def unlink(sandbox: Sandbox, arguments: Arguments) -> Result:
    target = drills.target_of(arguments)
    account = sandbox.accounts.get(target.number or "")
    if account is None:
        raise CallError("There is no such account.")
    devices = [
        device
        for device in account.devices.values()
        if target.device in (None, device.device)
    ]
    if not devices:
        raise CallError("There is no such linked device.")
    for device in devices:
        sandbox.unlink(account, device, by_itself=False)
    return {"unlinked": [str(device.jid) for device in devices]}


def fault(sandbox: Sandbox, arguments: Arguments) -> Result:
    return drills.apply(sandbox, arguments)


def settings(sandbox: Sandbox, arguments: Arguments) -> Result:
    try:
        sandbox.settings = sandbox.settings.changed(arguments)
    except SettingsError as error:
        raise CallError(str(error)) from error
    return asdict(sandbox.settings)


def reset_statistics(sandbox: Sandbox, arguments: Arguments) -> Result:
    sandbox.events.reset_statistics()
    sandbox.online.forget_double_logins()
    sandbox.accounts.reset_logins()
    return {}


def forget(sandbox: Sandbox, arguments: Arguments) -> Result:
    account = sandbox.accounts.get(_number(arguments))
    if account is None:
        raise CallError("There is no such account.")
    for device in list(account.devices.values()):
        sandbox.unlink(account, device, by_itself=False)
    sandbox.accounts.forget(account)
    return {}


CALLS: dict[tuple[str, str], Callable[[Sandbox, Arguments], Result]] = {
    ("GET", "/state"): state,
    ("GET", "/events"): events,
    ("GET", "/prekeys"): prekeys,
    ("POST", "/accounts"): accounts,
    ("POST", "/scan"): scan,
    ("POST", "/unlink"): unlink,
    ("POST", "/fault"): fault,
    ("POST", "/settings"): settings,
    ("POST", "/reset_statistics"): reset_statistics,
    ("POST", "/forget"): forget,
}


def _describe(sandbox: Sandbox, account: Account) -> Result:
    return {
        "number": account.number,
        "name": account.name,
        "lid": account.lid,
        "banned": sandbox.faults.refuses(account.number, drills.BANNED),
        "devices": [_describe_device(sandbox, d) for d in account.devices.values()],
    }


def _describe_device(sandbox: Sandbox, device: LinkedDevice) -> Result:
    return {
        "jid": str(device.jid),
        "device": device.device,
        "name": device.name,
        "platform": device.platform,
        "paired_at": device.paired_at,
        "connected": sandbox.online.get(device.number, device.device) is not None,
        "logins": device.logins,
        "double_logins": device.double_logins,
        "prekeys": len(device.prekeys),
        "queued": len(device.queue),
    }


def _number(arguments: Arguments) -> str:
    number = str(arguments.get("number", "")).lstrip("+")
    if not NUMBER.fullmatch(number):
        raise CallError("A phone number of 7 to 15 digits is needed.")
    return number


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name) or ""
    if not isinstance(value, str):
        raise CallError(f"{name!r} needs a text.")
    return value


def _integer(arguments: Arguments, name: str, default: int) -> int:
    try:
        return int(arguments.get(name, default))
    except (TypeError, ValueError) as error:
        raise CallError(f"{name!r} needs a whole number.") from error
