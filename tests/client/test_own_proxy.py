"""A phone's own proxy is the only way out: whatever it does, nothing goes past it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sessions.client import log_lines
from sessions.client.exit_codes import CONNECT_RAISED
from sessions.client.own_proxy import secrets_of
from sessions.policy.connect_errors import network_word
from tests.acceptance.proxies import RecordingProxy, SocksProxy
from tests.client.certificates import tls_for_loopback
from tests.client.real_realm import Listener, RealRealm

numbers = (f"7705490{serial:04d}" for serial in itertools.count())
LOGIN, WRITTEN = "ann:pa/ss:wörd", "ann:pa%2Fss%3Aw%C3%B6rd"
WHATSAPP = "web.whatsapp.com:443"


@pytest.fixture
def realm(sandbox, tmp_path: Path) -> Iterator[RealRealm]:
    realm = RealRealm(tmp_path, sandbox.description)
    yield realm
    realm.close()


@pytest.fixture
def proxies() -> Iterator[Callable[..., RecordingProxy]]:
    """`proxies(kind, target, …)`; all are closed afterwards."""
    made: list[RecordingProxy] = []

    def make(kind: type[RecordingProxy], *arguments, **options) -> RecordingProxy:
        made.append(kind(*arguments, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.mark.parametrize("login", ["", LOGIN], ids=["open", "login"])
@pytest.mark.parametrize("kind", [RecordingProxy, SocksProxy], ids=["http", "socks5"])
def test_everything_goes_through_it_and_nothing_through_the_sites(
    realm, proxies, sandbox, kind, login
):
    site = proxies(RecordingProxy)
    own = proxies(kind, sandbox.description["proxy"], login=login)
    realm.start(HTTPS_PROXY=site.address)
    session = realm.session(proxy=own.with_login(WRITTEN if login else ""))
    number = next(numbers)
    session.pair(sandbox, number)
    assert session.send(number, "hello")["ok"]
    # At once, and again after WhatsApp's 515.
    assert len(own.requests) == 2
    assert all(WHATSAPP in request for request in own.requests)
    assert site.requests == []


def test_a_proxy_behind_tls(realm, proxies, sandbox, tmp_path):
    context, pem = tls_for_loopback()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(sandbox.description["ca_file"]).read_bytes() + pem)
    own = proxies(RecordingProxy, sandbox.description["proxy"], tls=context)
    realm.start(SSL_CERT_FILE=str(bundle))
    realm.session(proxy=own.address).wait_for("qr")
    assert own.requests == [f"CONNECT {WHATSAPP} HTTP/1.1"]


def test_the_listener_sees_a_session_without_a_proxy(realm, listener):
    """So that its silence in the tests below means something."""
    realm.start(listener)
    session = realm.session()
    assert session.end(10) == CONNECT_RAISED
    assert listener.visits == 1


def nobody(proxies) -> str:
    proxy = proxies(RecordingProxy)
    proxy.close()
    return proxy.with_login(WRITTEN)


def nobody_socks(proxies) -> str:
    return nobody(proxies).replace("http:", "socks5:")


# Go asks no DNS server for a name that cannot be one.
FAILURES = {
    "down": nobody,
    "down, socks5": nobody_socks,
    "hangs up": lambda proxies: proxies(RecordingProxy).address,
    "407": lambda proxies: proxies(RecordingProxy, refusal=407).address,
    "403": lambda proxies: proxies(RecordingProxy, refusal=403).address,
    "502": lambda proxies: proxies(RecordingProxy, refusal=502).address,
    "wrong login": lambda p: p(RecordingProxy, login="ann:other").with_login(WRITTEN),
    "socks5 refuses": lambda proxies: proxies(SocksProxy, refusal=2).address,
    "socks5 unreachable": lambda proxies: proxies(SocksProxy, refusal=5).address,
    "socks5 wrong login": lambda p: p(SocksProxy, login="ann:no").with_login(WRITTEN),
    "socks5 no login": lambda proxies: proxies(SocksProxy, login=LOGIN).address,
    "unknown name": lambda proxies: f"http://{WRITTEN}@no..such:3128",
    "unknown name, socks5": lambda proxies: f"socks5://{WRITTEN}@no..such:1080",
    "no scheme": lambda proxies: f"{WRITTEN}@127.0.0.1:3128",
    "strange scheme": lambda proxies: f"socks4://{WRITTEN}@127.0.0.1:3128",
    "no URL": lambda proxies: f"http://{WRITTEN}@[::1",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_proxy_that_fails_is_never_gone_past(realm, proxies, listener, failure):
    realm.start(listener)
    session = realm.session(proxy=FAILURES[failure](proxies), debug=True)
    text = session.wait_for("connect_raised")["text"]
    assert session.end(5) == CONNECT_RAISED
    assert listener.visits == 0
    if "URL" not in failure and "scheme" not in failure:
        assert network_word(text) in ("proxy", "dns", "other")
    written = Path(session.settings.stderr_path).read_text() + str(session.lines)
    assert not any(secret in written for secret in ("pa%2Fss", "pa/ss", "wörd"))


@pytest.mark.parametrize("kind", [RecordingProxy, SocksProxy], ids=["http", "socks5"])
def test_a_lost_connection_comes_back_through_the_proxy_or_not_at_all(
    realm, proxies, sandbox, kind
):
    proxy = proxies(kind, sandbox.description["proxy"])
    realm.start()
    session = realm.session(proxy=proxy.address)
    number = next(numbers)
    session.pair(sandbox, number)
    sandbox.fault("drop", number=number)
    session.wait_for("connected")
    assert len(proxy.requests) == 3
    proxy.close()
    session.wait_for("disconnected")
    failed = session.wait_for("log", level="ERROR", logger="whatsmeow.Client")
    assert f"127.0.0.1:{proxy.port}" in failed["line"]
    assert "lookup" not in failed["line"]
    assert session.end() is None


def test_the_sites_proxy_is_erased_for_this_process_alone(realm, proxies, sandbox):
    site = proxies(RecordingProxy)
    own = proxies(RecordingProxy, sandbox.description["proxy"])
    realm.start(HTTPS_PROXY=site.address, no_proxy="192.0.2.1")
    with_one = realm.session("with", proxy=own.with_login(WRITTEN))
    with_one.wait_for("qr")
    without = realm.session("without")
    without.wait_for("connect_raised")
    assert site.requests == [f"CONNECT {WHATSAPP} HTTP/1.1"]
    assert not {"HTTPS_PROXY", "no_proxy"} & names_of(with_one.pid)
    assert {"PATH", "SSL_CERT_FILE", "NEONIZE_BOT_TAG"} <= names_of(with_one.pid)


def names_of(pid: int) -> set[str]:
    block = Path(f"/proc/{pid}/environ").read_bytes()
    return {entry.partition(b"=")[0].decode() for entry in block.split(b"\0")} - {""}


def test_its_password_is_nowhere_to_be_read(realm, proxies, sandbox):
    own = proxies(RecordingProxy, sandbox.description["proxy"], login=LOGIN)
    realm.start()
    session = realm.session(proxy=own.with_login(WRITTEN), debug=True)
    session.pair(sandbox, next(numbers))
    forkserver_pid = int(Path(f"/proc/{session.pid}/stat").read_text().split()[3])
    read = Path(session.settings.stderr_path).read_text() + str(session.lines)
    read += repr(session.settings)
    for pid in (session.pid, forkserver_pid, os.getpid()):
        for name in ("environ", "cmdline", "comm"):
            read += Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    for secret in secrets_of(own.with_login(WRITTEN)):
        assert secret not in read
    assert session.stop() == 0


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://h:1", []),
        ("http://u:long-one@h:1", ["long-one", "u:long-one@", "dTpsb25nLW9uZQ=="]),
        ("http://u:a%40cd@h:1", ["a%40cd", "a@cd", "u:a@cd@"]),
    ],
)
def test_what_of_a_url_is_secret(url, secrets):
    found = secrets_of(url)
    assert set(secrets) <= set(found)
    assert bool(found) == bool(secrets)


def test_a_short_password_hides_no_other_words():
    assert "p" not in secrets_of("http://u:p@h:1")
    assert "u:p@" in secrets_of("http://u:p@h:1")


def test_hidden_words_never_come_back(monkeypatch):
    monkeypatch.setattr(log_lines, "_hidden", [])
    log_lines.hide("", "secret", "a secret word")
    assert log_lines.mask_line("that is a secret word, secret") == "that is …, …"
