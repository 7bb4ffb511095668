"""Sandbox and real phones never meet: what must hold before a session may connect."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .linux_process import exec_environment
from .neonize_library import library_mappings
from .root_key import RootKeyError, replace_root_key
from .store_realm import read_realm
from .wire import SessionSettings

LOOPBACK_PROXY = re.compile(r"http://127\.0\.0\.1:\d{1,5}/?")
ROOT_KEY = re.compile(r"[0-9a-fA-F]{64}")
NO_PROXY_NAMES = ("NO_PROXY", "no_proxy")


class Refused(Exception):
    """This session must not connect; the message is a sentence for the operator."""


def check_before_loading(settings: SessionSettings) -> None:
    """Check the store's realm and, in the sandbox, the environment Go will see.

    Raise :class:`Refused` with the reason.
    """
    _check_store(settings)
    if settings.realm == "sandbox":
        check_sandbox_environment(settings, exec_environment())
    elif settings.realm != "whatsapp":
        raise Refused(f"The realm {settings.realm!r} is unknown.")
    elif settings.root_key is not None:
        raise Refused("A root key was given for a real phone.")


def _check_store(settings: SessionSettings) -> None:
    try:
        realm = read_realm(settings.store_path)
    except OSError as error:
        raise Refused(f"The store cannot be read: {error.strerror}.") from error
    if realm is None:
        raise Refused("The store carries no realm.")
    if realm != settings.realm:
        raise Refused(f"The store belongs to the realm {realm}.")


def check_sandbox_environment(
    settings: SessionSettings, environment: Mapping[str, str]
) -> None:
    """``environment`` is the exec'ed one, because Go does not see Python's changes."""
    if not LOOPBACK_PROXY.fullmatch(environment.get("HTTPS_PROXY", "")):
        raise Refused("HTTPS_PROXY is not a proxy on 127.0.0.1.")
    if any(environment.get(name) for name in NO_PROXY_NAMES):
        raise Refused("NO_PROXY is not empty.")
    if settings.proxy is not None:
        raise Refused("The phone has a proxy of its own.")
    if not ROOT_KEY.fullmatch(settings.root_key or ""):
        raise Refused("The sandbox's root key is missing or malformed.")


def enter_sandbox(settings: SessionSettings) -> None:
    """Replace the root key in the loaded library; do nothing for a real phone."""
    if settings.realm != "sandbox":
        return
    try:
        replace_root_key(library_mappings(), bytes.fromhex(settings.root_key or ""))
    except RootKeyError as error:
        raise Refused(f"The sandbox cannot be entered: {error}.") from error
