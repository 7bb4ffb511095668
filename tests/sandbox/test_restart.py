"""The sandbox is killed, started again and refused to start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sessions.sandbox import guards
from sessions.sandbox.guards import Refused
from tests.processes import ROOT, environment
from tests.sandbox.clients import Server, device_of, wait_acknowledged


def test_a_killed_sandbox_unlinks_nobody(server: Server, start_client, number):
    sandbox = server.start()
    client = start_client(at=sandbox)
    jid = client.pair(number)
    before = sandbox.description
    server.kill()
    sandbox = server.start()
    assert {**sandbox.description, "pid": 0} == {**before, "pid": 0}
    client.wait("ConnectedEv")
    assert device_of(sandbox, jid)["prekeys"] == 812


def test_messages_wait_through_a_restart(
    server: Server, start_client, number, other_number
):
    sandbox = server.start()
    first, second = (start_client(name, at=sandbox) for name in ("first", "second"))
    first.pair(number)
    jid = second.pair(other_number)
    wait_acknowledged(sandbox, jid)
    second.kill()
    first.send(other_number, "after the restart")
    assert server.stop() == 0
    sandbox = server.start()
    assert device_of(sandbox, jid)["queued"] == 1
    start_client("second", at=sandbox).wait("MessageEv", text="after the restart")
    first.wait("ConnectedEv")
    assert len(sandbox.prekeys(other_number, 1)["consumed"]) == 1


def start_and_read(server: Server, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sessions.sandbox", "--directory", server.directory],
        cwd=ROOT,
        env=environment(server.directory, **extra),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_one_directory_serves_one_sandbox(server: Server):
    server.start()
    second = start_and_read(server)
    assert second.returncode == 1
    assert second.stderr.startswith("A sandbox already runs in ")


def test_production_settings_are_refused(server: Server):
    refused = start_and_read(server, WHATSAPP_REALM="whatsapp")
    assert refused.returncode == 1
    assert "WHATSAPP_REALM is 'whatsapp'" in refused.stderr
    assert not (server.directory / "keys.json").exists()


def test_a_directory_with_a_real_store_is_refused(tmp_path):
    (tmp_path / "phones").mkdir()
    store = tmp_path / "phones" / "7.db"
    header = bytearray(100)
    header[: len(guards.SQLITE_MAGIC)] = guards.SQLITE_MAGIC
    header[68:72] = b"SbSx"
    store.write_bytes(header)
    guards.check_directory(tmp_path)
    header[68:72] = b"SbWa"
    store.write_bytes(header)
    with pytest.raises(Refused, match="belongs to the real WhatsApp"):
        guards.check_directory(tmp_path)


@pytest.mark.parametrize("realm", ["sandbox", "", None])
def test_other_realms_may_start(realm):
    guards.check_environment({} if realm is None else {"WHATSAPP_REALM": realm})


def test_a_taken_port_is_named(server: Server):
    sandbox = server.start()
    port = int(sandbox.description["proxy"].rpartition(":")[2])
    with pytest.raises(Refused, match=f"Port {port} on 127.0.0.1"):
        guards.listen_again(_listen, port, None)
    other = guards.listen_again(_listen, 0, port)
    assert other.getsockname()[1] != port
    other.close()


def _listen(port: int):
    from sessions.sandbox.proxy import listen

    return listen(port)
