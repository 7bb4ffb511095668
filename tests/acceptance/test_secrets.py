"""Keys, codes and messages stay where they belong: searched for after a busy life."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings as portal

from phones.models import Status
from sessions import verbs
from sessions.models import BaileysAuth, Quarantine
from tests.acceptance.fleet import Fleet, HostProcess, children_of, database_url
from tests.acceptance.lives import facts_of
from tests.factories import make_phone
from tests.processes import manage

BODY = "meet me at the old mill"
DEVICE_KEYS = ("noise_key", "identity_key", "signed_pre_key", "adv_key")


def private_keys(store: Path) -> set[bytes]:
    """The private keys of a store file, as they are."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        columns = ", ".join(DEVICE_KEYS)
        device = connection.execute(f"SELECT {columns} FROM whatsmeow_device")
        found = {key for row in device for key in row}
        prekeys = connection.execute("SELECT key FROM whatsmeow_pre_keys")
        return found | {key for (key,) in prekeys}


def spellings(key: bytes) -> Iterator[bytes]:
    yield key
    yield key.hex().encode()
    yield key.hex().upper().encode()
    for spelled in (base64.b64encode(key), base64.urlsafe_b64encode(key)):
        yield spelled.rstrip(b"=")


def leaks(haystack: bytes, secrets: Iterable[bytes]) -> list[bytes]:
    return [secret for secret in secrets if secret in haystack]


def database_text() -> bytes:
    """Every value of our tables, as text."""
    models = [
        model
        for label in ("phones", "phone_sessions", "metrics")
        for model in apps.get_app_config(label).get_models()
    ]
    return "\n".join(
        str(row) for model in models for row in model.objects.values_list()
    ).encode()


def said(host: HostProcess) -> bytes:
    """All that the host and its session processes wrote for people to read."""
    files = [host.log_path, *(host.directory / "stores").glob("*.stderr")]
    assert len(files) == 3
    return b"\n".join(path.read_bytes() for path in files)


def test_no_key_code_or_message_is_in_a_log_or_in_the_clear_in_the_database(
    fleet: Fleet, phone, organization
):
    other = make_phone(organization)
    debugged = f"{phone.phone_number},{other.phone_number}"
    host = fleet.start_host(WHATSAPP_DEBUG_PHONES=debugged, LOG_LEVEL="DEBUG")
    codes = []
    for one in (phone, other):
        verbs.link(one)
        codes.append(fleet.wait_code(one))
        fleet.sandbox.scan(codes[-1], one.phone_number)
        fleet.wait_status(one, Status.CONNECTED)
    verbs.send(phone, to=other.phone_number, text=BODY)
    fleet.wait(lambda: facts_of(other).received == 1, "the message")
    stores = host.directory / "stores"
    keys = private_keys(stores / f"phone-{phone.pk}.sqlite3")
    assert len(keys) == 812 + len(DEVICE_KEYS)
    # A crash of the Go core writes its own account of it.
    os.kill(fleet.session_pid(phone), signal.SIGABRT)
    fleet.wait_logins([phone.phone_jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    fleet.wait(lambda: BaileysAuth.objects.of(phone).count() > 812, "the copy")
    secrets = [spelled for key in keys for spelled in spellings(key)]
    secrets += [BODY.encode(), base64.b64encode(BODY.encode())]
    for code in codes:
        secrets += [
            code.encode(),
            *(part.encode() for part in code.split("#")[1].split(",")[:4]),
        ]
    assert leaks(database_text(), secrets) == []
    verbs.unlink(phone)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    assert Quarantine.objects.get().row_count > 812
    assert host.terminate() == 0
    assert b" DEBUG whatsmeow" in said(host)  # there was something to leak
    assert leaks(said(host), secrets) == []
    assert leaks(database_text(), secrets) == []
    # The plaintext store of the phone that logged out is gone from the disk.
    assert not list(stores.glob(f"phone-{phone.pk}.sqlite3*"))
    assert (stores / f"phone-{other.pk}.sqlite3").exists()
    for path in (host.directory, stores):
        assert path.stat().st_mode & 0o077 == 0
    for path in stores.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_wrong_auth_keys_do_not_start_and_touch_nothing(fleet: Fleet, phone):
    host = fleet.start_host()
    fleet.link(phone)
    assert host.terminate() == 0
    rows = {*BaileysAuth.objects.values_list("key", "value")}
    env = fleet.environment(host.directory)
    done = manage(
        "run_sessions", env=env | {"AUTH_KEYS": Fernet.generate_key().decode()}
    )
    assert done.returncode == 1
    assert "AUTH_KEYS does not fit this database" in done.stderr
    assert "Traceback" not in done.stderr
    assert {*BaileysAuth.objects.values_list("key", "value")} == rows
    # A new key in front of the old one is a rotation, and starts.
    rotated = f"{Fernet.generate_key().decode()},{env['AUTH_KEYS']}"
    fleet.start_host("one", host.directory, AUTH_KEYS=rotated)
    fleet.wait_status(phone, Status.CONNECTED)


def memory_of(pid: int) -> Iterator[bytes]:
    """What a live process has in its writable memory."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for words in (line.split() for line in maps):
            if not words[1].startswith("rw") or words[-1] in {"[vvar]", "[vsyscall]"}:
                continue
            first, last = (int(part, 16) for part in words[0].split("-"))
            memory.seek(first)
            try:
                yield memory.read(last - first)
            except OSError:  # reserved by Go, not mapped yet
                continue


def opened_by(pid: int) -> Iterator[str]:
    """Its files and sockets; one may be closed while we look."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield os.readlink(link)


def test_forkserver_and_sessions_hold_no_secret_of_ours_and_no_django(
    fleet: Fleet, phone
):
    host = fleet.start_host()
    fleet.link(phone)
    session = fleet.session_pid(phone)
    (forkserver,) = [
        pid for pid in children_of(host.process.pid) if session in children_of(pid)
    ]
    names = ("DATABASE_URL", "SECRET_KEY", "AUTH_KEYS", "DJANGO_SETTINGS_MODULE")
    secrets = [
        value.encode()
        for value in (portal.SECRET_KEY, *portal.AUTH_KEYS, database_url())
    ]
    django = b"site-packages/django/"
    # The search finds what there is: the host itself has all of it.
    assert leaks(b"".join(memory_of(host.process.pid)), [*secrets, django]) != []
    for pid in (forkserver, session):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert (
            leaks(environment, [*secrets, *(f"{name}=".encode() for name in names)])
            == []
        )
        maps = Path(f"/proc/{pid}/maps").read_bytes()
        assert leaks(maps, [b"django", b"psycopg", b"_sqlite3"]) == []
        for block in memory_of(pid):
            assert leaks(block, [*secrets, django]) == []
        assert not [
            name
            for name in opened_by(pid)
            if "test.sqlite3" in name or "portal" in name
        ]
