from __future__ import annotations

import io
import sys

import pytest

from phones.models import AuditEntry
from sessions.models import PhoneProxy
from sessions.proxies import proxy_of, set_proxy

SECRET = "s3cret-word"


def test_it_sets_and_tells_only_the_address(run, phone):
    done = run("set_proxy", phone.pk, f"http://ann:{SECRET}@192.0.2.7:3128", "--json")

    assert done.status == 0
    (line,) = done.lines
    assert (line["phone"], line["ok"]) == (phone.pk, True)
    assert line["proxy"] == "http://192.0.2.7:3128"
    assert SECRET not in done.stdout + done.stderr
    assert SECRET in proxy_of(phone).url
    assert AuditEntry.objects.get().actor == "command line"


def test_it_reads_the_url_so_that_no_process_list_shows_it(run, phone, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"http://a:{SECRET}@h:1\n"))

    done = run("set_proxy", phone.phone_number, "-")

    assert (done.status, proxy_of(phone).shown) == (0, "http://h:1")
    assert "http://h:1 " in done.stdout


def test_it_takes_the_proxy_away(run, phone):
    set_proxy(phone, "http://h:1")

    assert run("set_proxy", phone.pk, "--none", "--json").lines[0]["proxy"] is None
    assert not PhoneProxy.objects.exists()
    assert "It had no proxy" in run("set_proxy", phone.pk, "--none").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give either"),
        (["http://h:1", "--none"], "Give either"),
        ([f"http://a:{SECRET}@h"], "port is missing"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, phone, arguments, words):
    done = run("set_proxy", phone.pk, *arguments)

    assert done.status == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr
    assert not PhoneProxy.objects.exists()


def test_a_sandbox_phone_is_told_that_it_will_not_start(run, phone, settings):
    settings.WHATSAPP_REALM = "sandbox"

    assert "does not start" in run("set_proxy", phone.pk, "http://h:1").stdout
