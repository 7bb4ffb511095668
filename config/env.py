"""Reading of settings from the environment; a wrong value does not start."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def seconds(name: str, default: float) -> timedelta:
    """A duration given in seconds; raises ImproperlyConfigured when not positive."""
    value = number(name, default)
    if value <= 0:
        raise ImproperlyConfigured(f"{name} must be more than 0 seconds, not {value}.")
    return timedelta(seconds=value)


def several_seconds(name: str, default: tuple[float, ...]) -> tuple[timedelta, ...]:
    """Durations in seconds, separated by commas; each more than 0."""
    given = env.list(name, default=[str(value) for value in default])
    try:
        values = [float(value) for value in given]
    except ValueError:
        values = []
    if not values or min(values) <= 0:
        raise ImproperlyConfigured(
            f"{name} must be seconds separated by commas, not {os.environ.get(name)!r}."
        )
    return tuple(timedelta(seconds=value) for value in values)


def number(name: str, default: float) -> float:
    try:
        return float(env.float(name, default=default))
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must be a number, not {os.environ.get(name)!r}."
        ) from error


def hour(name: str, default: int) -> int:
    """An hour of the day, 0 to 23; -1 for never."""
    value = number(name, default)
    if value not in range(-1, 24):
        raise ImproperlyConfigured(
            f"{name} must be an hour from 0 to 23, or -1 for never, not {value:g}."
        )
    return int(value)


def usable_directory(path: Path) -> None:
    """Make it, private, when absent; raises ImproperlyConfigured if it is of no use."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(path, os.W_OK | os.X_OK)
        reason = "it cannot be written"
    except OSError as error:
        usable, reason = False, str(error.strerror)
    if not usable:
        raise ImproperlyConfigured(
            f"DATA_DIR={path} cannot be used: {reason}. Give this user a directory of "
            "its own that it may write, with room for the session files."
        )


def kept_secret(path: Path, value: str) -> str:
    """The secret in `path`; written there (0600, O_EXCL) from `value` when absent."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(value + "\n")
    return value


def secret_key(data_dir: Path, *, generate: bool) -> str:
    """SECRET_KEY of the environment, else one generated for an embedded database.

    Raises ImproperlyConfigured when `generate` is False and none is given.
    """
    given: str = env.str("SECRET_KEY", default="")
    if given:
        return given
    if not generate:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. With PostgreSQL several servers share it: put the "
            "same long random value into the environment (or .env) of each."
        )
    return kept_secret(data_dir / "secret_key", secrets.token_urlsafe(50))


def auth_keys(data_dir: Path, *, embedded: bool) -> list[str]:
    """Fernet keys, newest first; an empty list means that none can be had yet.

    With an embedded (SQLite) database the key lives in DATA_DIR; whether one may be
    generated is decided by `sessions.auth.keys`, which knows if encrypted rows exist.
    Raises ImproperlyConfigured for a key of a wrong form or a missing one.
    """
    given = [key.strip() for key in env.list("AUTH_KEYS", default=[]) if key.strip()]
    if not given:
        if not embedded:
            raise ImproperlyConfigured(
                "AUTH_KEYS is not set. With PostgreSQL every server needs the same "
                "keys: make one with `python -c 'from cryptography.fernet import "
                "Fernet; print(Fernet.generate_key().decode())'` and put it into the "
                "environment."
            )
        path = data_dir / "auth_keys"
        given = path.read_text().split() if path.exists() else []
    for key in given:
        try:
            Fernet(key)
        except (ValueError, TypeError) as error:
            raise ImproperlyConfigured(
                "AUTH_KEYS holds a value that is no Fernet key (32 bytes, url-safe "
                "base64). Several keys are separated by commas, the newest first."
            ) from error
    return given
