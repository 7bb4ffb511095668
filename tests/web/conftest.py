"""Fixtures of the web tests."""

from __future__ import annotations

import pytest

from phones.models import Status
from tests.factories import make_phone
from tests.web.doubles import HostDouble


@pytest.fixture
def host(db):
    return HostDouble()


@pytest.fixture
def browse(client):
    """`browse(user)`: a client that is logged in as them."""

    def login(user):
        client.force_login(user)
        return client

    return login


@pytest.fixture
def fleet(organization, host):
    """Connected, stopped and logged out phones of one organization, and a new one."""
    phones = [make_phone(organization) for _ in range(4)]
    host.connect(phones[0])
    host.report(phones[1], Status.STOPPED, linked=True)
    host.report(phones[2], Status.LOGGED_OUT, linked=False)
    return phones
