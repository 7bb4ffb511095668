"""A phone's proxy: what may be one, and that its password is kept encrypted alone."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from phones.models import AuditEntry
from sessions.auth.rotation import reencrypt
from sessions.models import PhoneProxy
from sessions.proxies import (
    ProxyAddress,
    ProxyRefused,
    ProxyUnreadable,
    clear_proxy,
    proxy_of,
    set_proxy,
    why_useless,
)

SECRET = "s3cret-word"
URL = f"socks5://ann:{SECRET}@192.0.2.7:1080"


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("http://127.0.0.1:3128", None, None),
        ("https://proxy.example.com:443", None, None),
        ("socks5://[2001:db8::1]:1080", None, None),
        (" http://192.0.2.7:3128/ ", "http://192.0.2.7:3128", None),
        ("HTTP://Proxy.Example:80", "http://proxy.example:80", None),
        (URL, URL, "socks5://192.0.2.7:1080"),
        ("http://u:p@ss@h:1", "http://u:p%40ss@h:1", "http://h:1"),
        ("http://u:p%40%2F@h:1", "http://u:p%40%2F@h:1", "http://h:1"),
        ("http://u@h:1", "http://u:@h:1", "http://h:1"),
        ("http://ю:я@h:1", "http://%D1%8E:%D1%8F@h:1", "http://h:1"),
    ],
)
def test_what_may_be_a_proxy(text, url, shown):
    address = ProxyAddress.parse(text)
    assert address.url == (url or text)
    assert address.shown == (shown or address.url)
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "http://host:port"),
        (f"ann:{SECRET}@192.0.2.7:1080", "http://host:port"),
        (f"ftp://ann:{SECRET}@192.0.2.7:21", "http://host:port"),
        (f"socks5h://{SECRET}@192.0.2.7:21", "http://host:port"),
        (f"http://ann:{SECRET}@[::1", "http://host:port"),
        (f"http://ann:{SECRET}@h:99999", "http://host:port"),
        (f"http://ann:{SECRET}@h:port", "http://host:port"),
        (f"http://ann:{SECRET}@h", "port is missing"),
        (f"http://ann:{SECRET}@h:0", "port is missing"),
        (f"http://ann:{SECRET}@h:1/path", "follow the port"),
        (f"http://ann:{SECRET}@h:1?query", "follow the port"),
        (f"http://ann:{SECRET}@h:1#part", "follow the port"),
        (f"http://ann:{SECRET}@:80", "neither a name"),
        (f"http://ann:{SECRET}@-h:80", "neither a name"),
        (f"http://ann:{SECRET}@h..h:80", "neither a name"),
        (f"http://ann:{SECRET}@прокси.рф:80", "neither a name"),
        (f"http://ann:{SECRET}@[fe80::1%25eth0]:80", "neither a name"),
        (f"http://ann:{SECRET}@{'h' * 181}:80", "neither a name"),
        (f"http://:{SECRET}@h:80", "user name is missing"),
        (f"http://ann%00:{SECRET}@h:80", "not printable"),
        (f"http://ann:{SECRET}{'x' * 255}@h:80", "longer than 255"),
        (f"http://ann:{SECRET}@h:80\nX: y", "no spaces"),
        (f"http://ann:{SECRET} @h:80", "no spaces"),
    ],
)
def test_what_is_no_proxy_is_refused_without_repeating_it(text, words):
    with pytest.raises(ProxyRefused, match=words) as refusal:
        ProxyAddress.parse(text)
    assert SECRET not in str(refusal.value)


def test_only_the_token_holds_the_password(phone, steward):
    set_proxy(phone, URL, steward)
    (row,) = PhoneProxy.objects.values()
    assert row.pop("url_token").startswith("gAAAA")
    assert row == {"phone_id": phone.pk, "shown": "socks5://192.0.2.7:1080"}
    address = proxy_of(phone)
    assert address is not None
    assert address.url == URL


def test_each_change_is_in_the_audit_without_the_password(phone, steward):
    set_proxy(phone, URL, steward)
    set_proxy(phone, "http://192.0.2.8:3128", steward)
    assert clear_proxy(phone, steward)
    assert not clear_proxy(phone, steward)
    assert proxy_of(phone) is None
    entries = AuditEntry.objects.order_by("id").values_list("verb", "actor", "detail")
    assert list(entries) == [
        ("set_proxy", "steward", {"proxy": "socks5://192.0.2.7:1080"}),
        ("set_proxy", "steward", {"proxy": "http://192.0.2.8:3128"}),
        ("clear_proxy", "steward", {}),
    ]


def test_a_proxy_of_other_keys_is_no_missing_proxy(phone, settings):
    set_proxy(phone, URL)
    settings.AUTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(ProxyUnreadable, match=r"socks5://192\.0\.2\.7:1080") as error:
        proxy_of(phone)
    assert SECRET not in str(error.value)


def test_it_is_encrypted_again_with_the_newest_key(phone, settings):
    set_proxy(phone, URL)
    new = Fernet.generate_key().decode()
    settings.AUTH_KEYS = [new, *settings.AUTH_KEYS]
    reencrypt()
    assert Fernet(new).decrypt(PhoneProxy.objects.get().url_token) == URL.encode()


def test_a_sandbox_phone_has_no_use_for_one(settings):
    settings.WHATSAPP_REALM = "whatsapp"
    assert why_useless() == ""
    settings.WHATSAPP_REALM = "sandbox"
    assert "does not start" in why_useless()
