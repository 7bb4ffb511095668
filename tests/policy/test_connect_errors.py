from __future__ import annotations

from datetime import timedelta

import pytest

from sessions.policy.causes import sentence
from sessions.policy.connect_errors import classify_connect_error, network_word
from sessions.policy.finding import Context
from tests.policy.signals import NOW, context, log, raised

DIAL = "failed to dial whatsapp web websocket: failed to WebSocket dial: "
GET = (
    DIAL + 'failed to send handshake request: Get "https://web.whatsapp.com/ws/chat": '
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            GET + "dial tcp: lookup web.whatsapp.com on 127.0.0.53:53: no such host",
            "dns",
        ),
        (GET + "dial tcp: lookup web.whatsapp.com: i/o timeout", "dns"),
        (GET + "dial tcp 1.2.3.4:443: connect: connection refused", "refused"),
        (GET + "read tcp 10.0.0.1:5->1.2.3.4:443: connection reset by peer", "refused"),
        (DIAL + "expected handshake response status code 101 but got 403", "refused"),
        (GET + "tls: failed to verify certificate: x509: unknown authority", "tls"),
        (GET + "tls: first record does not look like a TLS handshake", "tls"),
        (GET + "proxyconnect tcp: dial tcp: lookup proxy: no such host", "proxy"),
        (GET + "proxyconnect tcp: dial tcp 10.0.0.9:3128: connection refused", "proxy"),
        (GET + "Forbidden", "proxy"),
        (GET + "Bad Gateway", "proxy"),
        (GET + "Proxy Authentication Required", "proxy"),
        (GET + "dial tcp 1.2.3.4:443: i/o timeout", "timeout"),
        (GET + "context deadline exceeded", "timeout"),
        ("timed out waiting for handshake response", "timeout"),
        (GET + "dial tcp 1.2.3.4:443: connect: network is unreachable", "other"),
        (GET + "EOF", "other"),
    ],
)
def test_the_network_word(text, word):
    assert network_word(text) == word


OWN = Context(now=NOW, proxy="socks5://192.0.2.7:1080")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (GET + "Proxy Authentication Required", "proxy"),
        (GET + "unexpected EOF", "proxy"),
        (GET + "Method Not Allowed", "proxy"),
        (GET + "dial tcp: lookup proxy.example: no such host", "proxy"),
        (GET + "tls: failed to verify certificate: x509: unknown authority", "tls"),
    ],
)
def test_what_fails_behind_a_phones_own_proxy_names_it(text, word):
    found = classify_connect_error(raised(text), OWN)
    assert (found.cause, found.values["detail"]) == ("n3", word)
    assert "socks5://192.0.2.7:1080" in sentence("n3", found.values)


def test_without_one_no_proxy_is_named():
    found = classify_connect_error(raised(GET + "unexpected EOF"), Context(now=NOW))
    assert "proxy" not in found.values
    assert "192.0.2.7" not in sentence("n3", found.values)


def test_a_ban_that_cannot_be_encoded_ends_when_its_node_says():
    """The text of the log is masked by then, the numbers were read before."""
    text = 'Temporary ban connect failure: <failure expire="12***78" reason="402"/>'
    logged = log(text) | {"failure": {"reason": 402, "expire": 12345678}}
    told = raised("proto: required field neonize.TemporaryBan.Code not set")
    found = classify_connect_error(told, context(logged))
    ends = NOW + timedelta(seconds=12345678)
    assert found.cause == "b6"
    assert found.values["time"] == ends.isoformat(timespec="seconds")
