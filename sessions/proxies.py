"""A phone's own proxy: what may be one, where it is kept, who sees what of it.

The URL may hold a password. It is written encrypted, decrypted only for the session
process that uses it, and shown as scheme, host and port alone.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from phones.live import publish
from phones.models import AuditEntry, Change, OrganizationPhone
from sessions.auth.keys import fernet
from sessions.models import PhoneProxy

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from phones.models.organization import Person

SCHEMES = ("http", "https", "socks5")
MAX_HOST = 180  # characters; `shown` has a column of 200
MAX_SECRET = 255  # bytes of a user name or a password, as SOCKS5 counts them
HOST = re.compile(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


class ProxyRefused(ValueError):
    """This is no proxy a phone can use; the message is a sentence for the person.

    It never repeats what was typed.
    """


class ProxyUnreadable(Exception):
    """The saved proxy cannot be decrypted; the message is a sentence."""


@dataclass(frozen=True)
class ProxyAddress:
    """url: as the session gets it. shown: scheme://host:port, for everybody."""

    url: str = field(repr=False)
    shown: str

    @classmethod
    def parse(cls, text: str) -> ProxyAddress:
        """Raises ProxyRefused."""
        parts = _split(text.strip())
        host, port = _host(parts), _port(parts)
        shown = f"{parts.scheme}://{host}:{port}"
        login = _login(parts)
        return cls(f"{parts.scheme}://{login}{host}:{port}", shown)


def _split(text: str) -> SplitResult:
    # urlsplit drops tabs and line ends without a word.
    if not text.isprintable() or " " in text:
        raise ProxyRefused(_("The address of a proxy has no spaces or line ends."))
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  read for its ValueError
    except ValueError as error:
        raise ProxyRefused(_example()) from error
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise ProxyRefused(_example())
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ProxyRefused(
            _(
                "Nothing may follow the port. In a user name or a password write / ? # "
                "and @ as %2F %3F %23 and %40."
            )
        )
    return parts


def _example() -> str:
    return _(
        "Write the proxy as http://host:port, https://host:port or socks5://host:port, "
        "with user:password@ before the host if it wants them."
    )


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "%" in host:
        raise ProxyRefused(_("The proxy's host is neither a name nor an IP address."))
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return f"[{address}]" if address.version == 6 else str(address)
    if len(host) > MAX_HOST or not HOST.fullmatch(host):
        raise ProxyRefused(_("The proxy's host is neither a name nor an IP address."))
    return host


def _port(parts: SplitResult) -> int:
    if not parts.port:
        raise ProxyRefused(_("The proxy's port is missing: write host:port."))
    return parts.port


def _login(parts: SplitResult) -> str:
    """`user:password@`, percent-encoded; empty without."""
    if parts.username is None and parts.password is None:
        return ""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user or not (user + password).isprintable():
        raise ProxyRefused(_("The proxy's user name is missing or not printable."))
    if max(len(user.encode()), len(password.encode())) > MAX_SECRET:
        raise ProxyRefused(
            _("The proxy's user name or password is longer than 255 bytes.")
        )
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"


def set_proxy(
    phone: OrganizationPhone, text: str, user: Person | None = None
) -> PhoneProxy:
    """From its next start on the phone connects through this proxy, or not at all.

    Raises ProxyRefused.
    """
    address = ProxyAddress.parse(text)
    token = fernet().encrypt(address.url.encode()).decode("ascii")
    with transaction.atomic():
        proxy, _created = PhoneProxy.objects.update_or_create(
            phone=phone, defaults={"url_token": token, "shown": address.shown}
        )
        _leave_trace("set_proxy", phone, user, proxy=address.shown)
    return proxy


def clear_proxy(phone: OrganizationPhone, user: Person | None = None) -> bool:
    """From its next start on the phone connects as its server does.

    False when it had no proxy; nothing is written then.
    """
    with transaction.atomic():
        cleared, _by_model = PhoneProxy.objects.filter(phone=phone).delete()
        if cleared:
            _leave_trace("clear_proxy", phone, user)
    return bool(cleared)


def proxy_of(phone: OrganizationPhone) -> ProxyAddress | None:
    """None when the phone has none. Raises ProxyUnreadable."""
    proxy = PhoneProxy.objects.filter(phone=phone).first()
    return decrypted(proxy) if proxy is not None else None


def decrypted(proxy: PhoneProxy) -> ProxyAddress:
    """Raises ProxyUnreadable."""
    try:
        url = fernet().decrypt(proxy.url_token).decode()
    except InvalidToken as error:
        raise ProxyUnreadable(
            f"its proxy {proxy.shown} was saved under another AUTH_KEYS, set it again"
        ) from error
    return ProxyAddress(url, proxy.shown)


def why_useless() -> str:
    """Why no phone of this portal can use a proxy; empty when it can."""
    if settings.WHATSAPP_REALM != "sandbox":
        return ""
    return _(
        "The sandbox is on this machine alone: a sandbox phone with a proxy does not "
        "start. Clear it to start the phone."
    )


def _leave_trace(
    verb: str, phone: OrganizationPhone, user: Person | None, **detail: str
) -> None:
    AuditEntry.objects.record(verb=verb, phone=phone, user=user, detail=detail)
    publish(Change.Kind.WISH, phone.pk)
