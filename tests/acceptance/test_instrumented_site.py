"""The realm of real phones behind a site's own proxy, CA and instrumentation.

WHATSAPP_REALM is not set: nothing of the product knows the sandbox here. What leads the
real client to it is the environment alone, as a site or an outside test gives it:
HTTPS_PROXY, SSL_CERT_FILE, and a sitecustomize on PYTHONPATH for the Noise root key.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from phones.models import Status
from sessions.models import BaileysAuth, Stamp
from tests.acceptance import terminal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import restart
from tests.processes import environment

# How a session process is started is the same whatever the database.
pytestmark = pytest.mark.sqlite

PATCH = """
import ctypes, os

OLD = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
NEW = bytes.fromhex("{root_key}")

def patch():
    with open("/proc/self/maps") as maps:
        lines = [l.split() for l in maps if "/neonize-" in l and " rw-p " in l]
    for words in lines:
        first, last = (int(part, 16) for part in words[0].split("-"))
        at = ctypes.string_at(first, last - first).find(OLD)
        if at >= 0:
            ctypes.memmove(first + at, NEW, 32)
            with open({notes!r}, "a") as file:
                file.write(str(os.getpid()) + "\\n")
            return True
    return False
"""
WRAPS_CDLL = """
real_init = ctypes.CDLL.__init__
def init(self, name, *arguments, **options):
    real_init(self, name, *arguments, **options)
    if "neonize" in str(name):
        patch()
ctypes.CDLL.__init__ = init
"""
SCANS_AFTER_FORK = """
import threading, time
def scan():
    while not patch():
        time.sleep(0.002)
os.register_at_fork(
    after_in_child=lambda: threading.Thread(target=scan, daemon=True).start()
)
"""


@dataclass
class Site(Fleet):
    """Hosts of a real installation: WHATSAPP_REALM and its kin are not set."""

    instrumentation: str = ""

    def environment(self, data_dir: Path) -> dict[str, str]:
        inside = super().environment(data_dir)
        given = ("DATABASE_URL", "SECRET_KEY", "AUTH_KEYS")
        through = ("HTTPS_PROXY", "SSL_CERT_FILE")
        return environment(
            data_dir,
            PYTHONPATH=self.instrumentation,
            **{name: inside[name] for name in (*given, *through)},
        )

    @classmethod
    def of(cls, fleet: Fleet, way: str) -> Site:
        folder = fleet.directory / "instrumentation"
        folder.mkdir()
        patch = PATCH.format(
            root_key=fleet.sandbox.description["root_key"],
            notes=str(fleet.directory / "patched"),
        )
        (folder / "sitecustomize.py").write_text(patch + way)
        return cls(
            fleet.sandbox,
            fleet.sandbox_directory,
            fleet.directory,
            fleet.hosts,
            instrumentation=str(folder),
        )

    def patched(self) -> list[int]:
        """Processes whose root key the instrumentation has replaced."""
        notes = self.directory / "patched"
        return [int(pid) for pid in notes.read_text().split()]


def environment_of(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


@pytest.mark.parametrize("way", [WRAPS_CDLL, SCANS_AFTER_FORK], ids=["cdll", "fork"])
def test_real_phones_link_through_the_sites_proxy_ca_and_instrumentation(
    fleet: Fleet, phone, settings, way
):
    settings.WHATSAPP_REALM = "whatsapp"
    Stamp.objects.update(realm="whatsapp")
    site = Site.of(fleet, way)
    env = site.environment(site.directory / "one")
    assert not any(name.startswith("WHATSAPP_") for name in env)
    site.start_host()
    with terminal.linking(env, phone.pk) as link:
        code = link.next()["code"]
        jid = fleet.sandbox.scan(code, phone.phone_number)
        status, events = link.rest()
    assert status == 0
    assert [event["event"] for event in events] == ["paired", "connected"]
    phone.refresh_from_db()
    assert (phone.status, phone.phone_jid) == (Status.CONNECTED, jid)
    first = site.session_pid(phone)
    given = environment_of(first)
    for name in ("HTTPS_PROXY", "SSL_CERT_FILE", "PYTHONPATH"):
        assert given[name] == env[name]
    restart(site, phone)  # each new process is instrumented anew
    assert {first, site.session_pid(phone)} <= set(site.patched())
    assert BaileysAuth.objects.of(phone).filter(key="creds").exists()
