"""A phone with a proxy of its own connects through it or not at all: real hosts.

The realm of real phones, as in test_instrumented_site: HTTPS_PROXY is the site's way
out to the sandbox, so a session that leaves its own proxy out would get there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from metrics.models import ConnectionMetrics
from phones.models import AuditEntry, Status
from sessions import verbs
from sessions.host.paths import PhonePaths
from sessions.models import PairingState, PhoneProxy, SessionFacts, Stamp
from sessions.policy.causes import sentence
from sessions.proxies import clear_proxy, set_proxy
from tests.acceptance import terminal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import facts_of, restart
from tests.acceptance.proxies import RecordingProxy, SocksProxy
from tests.acceptance.test_instrumented_site import WRAPS_CDLL, Site
from tests.processes import manage
from tests.sandbox.clients import Watch

LOGIN = "ann:a-secret-word"
WHATSAPP = "web.whatsapp.com:443"


@pytest.fixture
def site(fleet: Fleet, settings) -> Site:
    settings.WHATSAPP_REALM = "whatsapp"
    Stamp.objects.update(realm="whatsapp")
    return Site.of(fleet, WRAPS_CDLL)


@pytest.fixture
def proxies() -> Iterator[Callable[..., RecordingProxy]]:
    made: list[RecordingProxy] = []

    def make(kind: type[RecordingProxy], *arguments: Any, **options: Any):
        made.append(kind(*arguments, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


def wait_cause(site: Site, phone, cause: str) -> dict[str, Any]:
    site.wait(
        lambda: (
            (facts_of(phone).cause, facts_of(phone).next_at is not None)
            == (cause, True)
        ),
        f"cause {cause}",
    )
    return dict(facts_of(phone).cause_values)


def assert_nowhere(site: Site, phone, secret: str) -> None:
    """Not in a log, not in a session's stderr, not in any row."""
    errors = PhonePaths.of(phone.pk, site.hosts[0].directory).errors
    texts = [host.log for host in site.hosts] + [errors.read_text(errors="replace")]
    for model in (ConnectionMetrics, SessionFacts, AuditEntry, PhoneProxy):
        texts += [str(row) for row in model.objects.values()]
    assert len(texts) > 4
    assert not [text for text in texts if secret in text]


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", [RecordingProxy, SocksProxy], ids=["http", "socks5"])
def test_a_phone_links_and_lives_through_its_proxy(site: Site, phone, proxies, kind):
    own = proxies(kind, site.sandbox.description["proxy"], login=LOGIN)
    sites = proxies(RecordingProxy, site.sandbox.description["proxy"])
    set_proxy(phone, own.with_login(LOGIN))
    site.start_host(HTTPS_PROXY=sites.address)
    env = site.environment(site.directory / "one")
    with terminal.linking(env, phone.pk) as link:
        site.sandbox.scan(link.next()["code"], phone.phone_number)
        assert link.rest()[0] == 0
    assert len(own.requests) == 2
    assert all(WHATSAPP in request for request in own.requests)
    assert sites.requests == []
    # Cleared: it takes effect with the next start, by the server's own way out.
    clear_proxy(phone)
    restart(site, phone)
    assert len(own.requests) == 2
    assert sites.requests == [f"CONNECT {WHATSAPP} HTTP/1.1"]
    assert_nowhere(site, phone, "a-secret-word")


def test_a_proxy_that_fails_is_named_and_never_gone_past(site: Site, phone, proxies):
    # Its own next attempt would be one login more.
    site.start_host(WHATSAPP_FIRST_DELAY="60")
    site.link(phone)
    login = LOGIN.replace("ann", "bob")
    own = proxies(RecordingProxy, site.sandbox.description["proxy"], login=LOGIN)
    watch = Watch(site.sandbox)
    set_proxy(phone, own.with_login(login))
    verbs.restart(phone)
    values = wait_cause(site, phone, "n3")
    assert (values["detail"], values["proxy"]) == ("proxy", own.address)
    assert own.address in sentence("n3", values)
    assert facts_of(phone).attempts == 0
    assert watch.events("login") == []
    assert ConnectionMetrics.objects.filter(phone=phone, cause="n3").exists()
    # A person puts it right; the phone comes back without a scan.
    set_proxy(phone, own.with_login(LOGIN))
    verbs.restart(phone)
    site.wait_status(phone, Status.CONNECTED)
    assert len(watch.events("login")) == 1
    assert_nowhere(site, phone, "a-secret-word")
    own.close()
    verbs.restart(phone)
    assert wait_cause(site, phone, "n3")["proxy"] == own.address
    assert len(watch.events("login")) == 1


@pytest.mark.sqlite
def test_a_sandbox_phone_with_a_proxy_is_not_started(fleet: Fleet, phone, proxies):
    own = proxies(RecordingProxy)
    fleet.start_host()
    fleet.link(phone)
    watch = Watch(fleet.sandbox)
    set_proxy(phone, own.address)
    verbs.restart(phone)
    values = wait_cause(fleet, phone, "refused")
    told = sentence("refused", values)
    assert own.address in told
    assert "clear the proxy" in told
    assert watch.events("connected_socket") == []
    assert own.requests == []
    env = fleet.environment(fleet.directory / "one")
    assert manage("set_proxy", str(phone.pk), "--none", env=env).returncode == 0
    verbs.restart(phone)
    fleet.wait_status(phone, Status.CONNECTED)


@pytest.mark.sqlite
def test_a_sandbox_phone_with_a_proxy_is_not_linked(fleet: Fleet, phone, proxies):
    own = proxies(RecordingProxy)
    set_proxy(phone, own.address)
    fleet.start_host()
    verbs.link(phone)
    pairing = fleet.wait_pairing(phone, PairingState.FAILED)
    assert pairing.cause == "refused"
    assert own.address in sentence("refused", facts_of(phone).cause_values)
    assert own.requests == []


@pytest.mark.sqlite
def test_a_proxy_that_cannot_be_read_starts_nothing(site: Site, phone, proxies):
    site.start_host()
    site.link(phone)
    watch = Watch(site.sandbox)
    PhoneProxy.objects.create(
        phone=phone, url_token="gAAAAAnonsense", shown="http://h:1"
    )
    verbs.restart(phone)
    assert "http://h:1" in wait_cause(site, phone, "refused")["reason"]
    assert watch.events("connected_socket") == []
