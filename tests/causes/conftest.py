from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.management import call_command

from tests.acceptance.fleet import Fleet

pytest.register_assert_rewrite("tests.causes.scene")


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One database for all tests of a module: they share the phones linked in it."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(scope="module")
def open_fleet(
    transactional_db: None, sandbox: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Fleet]]:
    """Starts a fleet with its settings; it lives as long as the module."""
    fleets: list[Fleet] = []
    with ExitStack() as stack:

        def start(**settings: str) -> Fleet:
            from tests.causes.scene import running_fleet

            directory = tmp_path_factory.mktemp("fleet")
            fleet = running_fleet(sandbox, directory, **settings)
            fleets.append(stack.enter_context(fleet))
            return fleets[-1]

        yield start
    assert not [fault for fleet in fleets for fault in fleet.faults()]
