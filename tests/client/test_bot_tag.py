"""The mark of a bot that neonize puts on messages unless its environment forbids it."""

from __future__ import annotations

import os

from sessions.client import forkserver
from tests.client.session_driver import SessionDriver, sandbox_environment
from tests.sandbox.clients import Watch


def test_a_site_that_wants_the_mark_can_have_it(sandbox, tmp_path):
    """And the sandbox sees it, so its absence in test_messages means something."""
    description, watch = sandbox.description, Watch(sandbox)
    extra = {**sandbox_environment(description), "NEONIZE_BOT_TAG": "on"}
    forkserver.start(os.environ, extra)
    try:
        sessions = []
        for name, number in (("ann", "77054870001"), ("ben", "77054870002")):
            sessions.append(SessionDriver.create(tmp_path / name, description))
            sessions[-1].pair(sandbox, number)
        assert sessions[0].send("77054870002", "hello")["ok"]
        for session in sessions:
            session.close()
    finally:
        forkserver.stop()
    (sent,) = watch.wait("message")
    assert "bot" in sent["parts"]
