"""Where alerts go: a webhook or a mail server."""

from __future__ import annotations

import base64
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from http.client import HTTPException
from typing import Any

from django.conf import settings

from config.alert_address import AlertAddress, alert_address
from sessions.alerts.message import Message

TIMEOUT = 10.0  # seconds, of each answer that is waited for
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Channel = Callable[[Message], None]


class NotDelivered(Exception):
    """The message did not arrive; says why, in words that hold no secret."""


def configured() -> AlertAddress | None:
    return alert_address(settings.WHATSAPP_ALERT_URL)


def send(address: AlertAddress, message: Message) -> None:
    """Raises NotDelivered."""
    try:
        if address.is_mail:
            _mail(address, message)
        else:
            _post(address, message)
    except NotDelivered:
        raise
    # UnicodeError and ValueError: a name or a header that the library refuses.
    except (OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
        raise NotDelivered(reason_of(error)) from error


def reason_of(error: BaseException) -> str:
    """Why, without the texts of libraries and servers: those may repeat the URL."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return reason_of(error.reason)
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:.0f} s"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "the mail server refused the recipients"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the mail server does not answer"  # a timeout, too
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'reason', None) or type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    return type(error).__name__


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST loses its body, and may lead out of TLS."""

    def redirect_request(self, *arguments: Any, **names: Any) -> None:
        return None


def _post(address: AlertAddress, message: Message) -> None:
    body = json.dumps(message.as_json(), ensure_ascii=False).encode()
    request = urllib.request.Request(  # noqa: S310 - alert_address allows http(s) only
        address.url,
        data=body,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "switchboard",
        },
    )
    if address.user:
        pair = f"{address.user}:{address.password}".encode()
        token = base64.b64encode(pair).decode()
        request.add_header("Authorization", f"Basic {token}")
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if settings.SANDBOX:
        # The environment's proxy is the sandbox's WhatsApp.
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer, with an open connection
        raise


def _mail(address: AlertAddress, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = settings.WHATSAPP_ALERT_FROM
    mail["To"] = ", ".join(address.recipients)
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="switchboard")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if address.scheme == "smtps":
        server = smtplib.SMTP_SSL(
            address.host, address.port, timeout=TIMEOUT, context=context
        )
    else:
        server = smtplib.SMTP(address.host, address.port, timeout=TIMEOUT)
    with server:
        server.ehlo()
        if address.scheme == "smtp" and address.host not in LOOPBACK:
            _turn_to_tls(server, address, context)
        if address.user:
            server.login(address.user, address.password)
        server.send_message(mail, to_addrs=list(address.recipients))


def _turn_to_tls(
    server: smtplib.SMTP, address: AlertAddress, context: ssl.SSLContext
) -> None:
    """When it is offered; a mail server of this machine needs no certificate."""
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    elif address.password:
        raise NotDelivered(
            "the mail server offers no TLS, so the password was not sent; use smtps://"
        )
