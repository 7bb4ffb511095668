"""WHATSAPP_ALERT_URL: where alerts are sent, read once and never shown in full."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

DEFAULT_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465}
MAIL_SCHEMES = ("smtp", "smtps")
MAIL_ADDRESS = re.compile(r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+$")
EXAMPLES = (
    "It is https://… for a webhook, or smtp://user:password@host:587/?to=name@… for "
    "mail."
)


@dataclass(frozen=True)
class AlertAddress:
    """A webhook or a mail server; the URL and the password are in no repr.

    smtp begins in the clear and turns to TLS when the server offers it; smtps is TLS
    from the start.
    """

    scheme: str
    host: str
    port: int
    recipients: tuple[str, ...] = ()
    url: str = field(default="", repr=False)  # of a webhook, without user and password
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_mail(self) -> bool:
        return self.scheme in MAIL_SCHEMES

    @property
    def shown(self) -> str:
        """What pages and logs may say: neither the path nor the password."""
        return f"{self.scheme}://{self.host}:{self.port}"


def alert_address(text: str) -> AlertAddress | None:
    """None for an empty setting; raises ImproperlyConfigured, without the URL in it."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong("is no URL") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise _wrong("does not begin with https://, http://, smtp:// or smtps://")
    if not host or re.search(r"\s", text):
        raise _wrong("names no server" if not host else "has a space in it")
    recipients = _recipients(parts) if parts.scheme in MAIL_SCHEMES else ()
    return AlertAddress(
        scheme=parts.scheme,
        host=host,
        port=port or DEFAULT_PORTS[parts.scheme],
        recipients=recipients,
        url=parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _recipients(parts: SplitResult) -> tuple[str, ...]:
    given = ",".join(parse_qs(parts.query).get("to", [])).split(",")
    found = tuple(address.strip() for address in given if address.strip())
    if not found or not all(MAIL_ADDRESS.match(address) for address in found):
        raise _wrong("names no recipients: end it with /?to=name@example.org")
    return found


def _wrong(what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"WHATSAPP_ALERT_URL {what}. {EXAMPLES}")


def sender(name: str, text: str) -> str:
    """A mail address; raises ImproperlyConfigured."""
    if not MAIL_ADDRESS.match(text):
        raise ImproperlyConfigured(f"{name} must be a mail address, not {text!r}.")
    return text


def portal_url(name: str, text: str) -> str:
    """An http address without the slash at its end, or empty; raises as above."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ImproperlyConfigured(
            f"{name} must be the portal's address, https://…, not {text!r}."
        )
    return text.rstrip("/")
