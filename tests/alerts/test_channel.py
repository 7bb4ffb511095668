"""Webhooks and mail, against real servers on 127.0.0.1."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import urllib.error
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import timezone
from django.views.debug import get_default_exception_reporter_filter

from config.alert_address import alert_address
from sessions.alerts import channel
from sessions.alerts.channel import NotDelivered, reason_of, send
from sessions.alerts.message import Message

MESSAGE = Message("[Switchboard] Acme: held", "Досье\nline", {"event": "begins"})


def failure(url):
    with pytest.raises(NotDelivered) as raised:
        send(alert_address(url), MESSAGE)
    assert "s3cret" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def own_certificate(tmp_path):
    """A file with a key and a certificate for 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            encoding,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(encoding)
    )
    return path


def test_a_webhook_gets_json(webhook):
    send(alert_address(webhook.url), MESSAGE)

    assert webhook.received == [
        {"text": "[Switchboard] Acme: held\nДосье\nline", "event": "begins"}
    ]
    path, headers = webhook.requests[0]
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert path == "/hook/s3cret"


def test_a_user_of_the_url_becomes_basic_authorization(webhook):
    url = webhook.url.replace("//", "//duty:s3cret%21@")
    send(alert_address(url), MESSAGE)

    _, headers = webhook.requests[0]
    assert headers["Authorization"] == "Basic ZHV0eTpzM2NyZXQh"
    assert headers["Host"] == f"127.0.0.1:{webhook.port}"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refusal_is_a_failure(webhook, status):
    webhook.answer = status
    assert failure(webhook.url) == f"HTTP {status}"


def test_a_redirect_is_not_followed(webhook):
    webhook.answer = 307
    webhook.location = webhook.url + "/elsewhere"
    assert failure(webhook.url) == "HTTP 307"
    assert len(webhook.requests) == 1


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}/s3cret") == "Connection refused"
    assert failure(f"smtp://x:s3cret@127.0.0.1:{port}/?to=a@b.org")


def test_a_server_that_says_nothing(monkeypatch):
    monkeypatch.setattr(channel, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = failure(f"http://127.0.0.1:{port}/s3cret")
        assert said.startswith("no answer within")
        said = failure(f"smtp://127.0.0.1:{port}/?to=a@b.org")
        assert said == "the mail server does not answer"


def test_a_certificate_that_nobody_vouches_for(webhook, own_certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate)
    webhook.server.socket = context.wrap_socket(
        webhook.server.socket, server_side=True, do_handshake_on_connect=False
    )

    said = failure(webhook.url.replace("http:", "https:"))

    assert said == "TLS: CERTIFICATE_VERIFY_FAILED"
    assert webhook.requests == []


def test_mail_arrives_with_its_recipients(mailbox, settings):
    settings.WHATSAPP_ALERT_FROM = "switchboard@example.org"
    send(alert_address(mailbox.url), MESSAGE)

    mail = email.message_from_bytes(mailbox.received[0], policy=email.policy.default)
    assert mail["To"] == "duty@example.org, boss@example.org"
    assert mail["From"] == "switchboard@example.org"
    assert mail["Subject"] == "[Switchboard] Acme: held"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content() == "Досье\r\nline\r\n"
    assert mailbox.logins


def test_refused_recipients_are_told_without_the_servers_words(mailbox):
    mailbox.refuses = True
    assert failure(mailbox.url) == "the mail server refused the recipients"


def test_a_password_never_goes_in_the_clear_to_another_machine(mailbox, monkeypatch):
    monkeypatch.setattr(channel, "LOOPBACK", ())
    assert "offers no TLS" in failure(mailbox.url)
    assert mailbox.logins == []
    send(alert_address(mailbox.url.replace("robot:s3cret@", "")), MESSAGE)
    assert len(mailbox.received) == 1


def test_reasons_never_repeat_what_a_library_said():
    for error in (
        urllib.error.URLError("https://s3cret"),
        ValueError("unknown url type: s3cret"),
        OSError("s3cret"),
        ssl.SSLCertVerificationError(1, "s3cret"),
        UnicodeError("s3cret"),
    ):
        assert "s3cret" not in reason_of(error)
        assert reason_of(error)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3cret", "does not begin with"),
        ("ftp://s3cret", "does not begin with"),
        ("https://", "names no server"),
        ("https://host:s3cret/", "is no URL"),
        ("https://host/s3cret with space", "a space"),
        ("smtp://u:s3cret@host:25/", "names no recipients"),
        ("smtp://u:s3cret@host:25/?to=duty", "names no recipients"),
        ("smtp://u:s3cret@host:25/?to=a@b%0d%0aBcc:c@d", "names no recipients"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url, words):
    with pytest.raises(ImproperlyConfigured) as raised:
        alert_address(url)
    assert words in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_an_address_shows_no_secret():
    for url in (
        "https://duty:s3cret@hooks.example.org/s3cret?key=s3cret",
        "smtps://duty:s3cret@mail.example.org/?to=a@b.org",
    ):
        address = alert_address(url)
        assert "s3cret" not in repr(address)
        assert "s3cret" not in address.shown
    assert address.shown == "smtps://mail.example.org:465"
    assert address.recipients == ("a@b.org",)
    assert alert_address("") is None


def test_the_debug_page_hides_it():
    with override_settings(WHATSAPP_ALERT_URL="https://s3cret"):
        shown = get_default_exception_reporter_filter().get_safe_settings()
    assert "s3cret" not in str(shown["WHATSAPP_ALERT_URL"])
