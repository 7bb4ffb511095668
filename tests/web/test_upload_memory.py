"""A large upload, whoever sends it, is in the web process's memory once at most."""

from __future__ import annotations

import http.client
import os
import re
from pathlib import Path

import pytest

from tests.web.server import running_portal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]

MEGABYTE = 1024 * 1024
SIZE = 48 * MEGABYTE


def peak(pid: int) -> int:
    """The most memory that a process has ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def portal_process() -> int:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    (found,) = [pid for pid, command in commands.items() if b"daphne" in command]
    return int(found)


def test_a_large_file_is_not_held_in_memory(tmp_path):
    part = b'Content-Disposition: form-data; name="records"; filename="a"'
    body = b"--edge\r\n" + part + b"\r\n\r\n" + os.urandom(SIZE) + b"\r\n--edge--\r\n"
    with running_portal(tmp_path) as base:
        before = peak(portal_process())
        connection = http.client.HTTPConnection(base.removeprefix("http://"))
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        connection.request("POST", "/admin/login/", body, headers)
        assert connection.getresponse().status == 403  # no CSRF token, but parsed
        grown = peak(portal_process()) - before
        connection.close()
    # Daphne queues the body once. Its form parsed by Twisted would be another six.
    assert grown < 3 * SIZE, grown // MEGABYTE
