from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections
from django.utils import translation

from tests.factories import make_organization, make_phone, make_user

# Playwright's sync API keeps a loop in the main thread, where the ORM is used too.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

pytest_plugins = ["tests.house_rules"]

# Other tests run beside this one: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "unhurried",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Async tests reach the ORM on asgiref's one thread and leave its connection open.

    PostgreSQL would then refuse to drop the test database.
    """
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result(10)


@pytest.fixture
def organization(db):
    return make_organization(name="Acme")


@pytest.fixture
def phone(organization):
    return make_phone(organization, phone_number="77054810862")


@pytest.fixture
def viewer(organization):
    return make_user(organization, "viewer", username="viewer")


@pytest.fixture
def operator(organization):
    return make_user(organization, "operator", username="operator")


@pytest.fixture
def steward(organization):
    return make_user(organization, "steward", username="steward")


@pytest.fixture
def stranger(db):
    """A steward of another organization, with a phone of its own."""
    elsewhere = make_organization(name="Elsewhere")
    make_phone(elsewhere, phone_number="4915112345678")
    return make_user(elsewhere, "steward", username="stranger")


@pytest.fixture
def superuser(db):
    return make_user(username="root", is_superuser=True)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The loopback WhatsApp in a process of its own; yields its SandboxControl."""
    from tests.processes import running_sandbox

    with running_sandbox(Path(tmp_path_factory.mktemp("sandbox"))) as control:
        yield control


@pytest.fixture(scope="module")
def sandbox(sandbox_process: Any) -> Iterator[Any]:
    """The sandbox's control. No module finds the accounts and faults of another."""
    from tests.processes import heal

    yield sandbox_process
    heal(sandbox_process)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page that was asked for in Russian leaves its language to the thread."""
    translation.activate(settings.LANGUAGE_CODE)
    yield
    translation.activate(settings.LANGUAGE_CODE)
