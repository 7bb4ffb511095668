"""Sandbox and real phones never meet: what a host checks before it starts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings

from sessions.host.identity import HostRefused

Realm = Literal["whatsapp", "sandbox"]
ROOT_KEY = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Surroundings:
    """The realm, and the sandbox's Noise root key (hex) when it is one."""

    realm: Realm
    root_key: str | None = None


def survey(environment: Mapping[str, str]) -> Surroundings:
    """Check realm, proxy and NO_PROXY; raises HostRefused with a sentence."""
    proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy") or ""
    sandbox = _read_sandbox(Path(settings.WHATSAPP_SANDBOX_DIR))
    if settings.WHATSAPP_REALM != "sandbox":
        if sandbox is not None and proxy and proxy == sandbox["proxy"]:
            raise HostRefused(
                "HTTPS_PROXY names the sandbox, but this is a real database. Unset "
                "HTTPS_PROXY, or use `manage.py portal --sandbox`."
            )
        return Surroundings("whatsapp")
    if sandbox is None:
        raise HostRefused(
            f"The sandbox is not running: {settings.WHATSAPP_SANDBOX_DIR} has no "
            "sandbox.json. Start `manage.py portal --sandbox`."
        )
    if environment.get("NO_PROXY") or environment.get("no_proxy"):
        raise HostRefused(
            "NO_PROXY is set: sandbox sessions could reach the real WhatsApp. Unset it."
        )
    if urlsplit(proxy).hostname != "127.0.0.1" or proxy != sandbox["proxy"]:
        raise HostRefused(
            "HTTPS_PROXY is not the sandbox's proxy: sandbox sessions could reach the "
            f"real WhatsApp. Set it to {sandbox['proxy']}."
        )
    root_key = str(sandbox.get("root_key", ""))
    if not ROOT_KEY.fullmatch(root_key):
        raise HostRefused(
            f"{settings.WHATSAPP_SANDBOX_DIR}/sandbox.json names no root key: sandbox "
            "sessions would speak to the real WhatsApp. Start the sandbox again."
        )
    return Surroundings("sandbox", root_key=root_key)


def _read_sandbox(directory: Path) -> dict[str, Any] | None:
    try:
        described = json.loads((directory / "sandbox.json").read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(described, dict) or "proxy" not in described:
        return None
    return described
