"""Fixtures of the alerts: the host's double, and receivers on 127.0.0.1."""

from __future__ import annotations

import pytest

from tests.alerts.receivers import MailServer, WebServer
from tests.web.doubles import HostDouble


@pytest.fixture
def host(db):
    return HostDouble()


@pytest.fixture
def webhook():
    with WebServer() as server:
        yield server


@pytest.fixture
def mailbox():
    with MailServer() as server:
        yield server
