from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.dotenv import BASE_DIR
from tests import house_rules


def test_a_connection_to_the_outside_is_refused_and_remembered():
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError):
        outside.connect(("192.0.2.1", 80))
    assert house_rules._outside == ["192.0.2.1"]
    house_rules._outside.clear()


def test_a_connection_to_this_machine_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_tests_use_no_data_of_a_real_installation():
    assert BASE_DIR not in settings.DATA_DIR.parents
    assert str(settings.DATA_DIR).startswith(os.environ["TEST_DIRECTORY"])


@pytest.mark.django_db
def test_tests_run_on_the_database_that_was_asked_for():
    wanted = "postgresql" if house_rules.POSTGRESQL else "sqlite"
    assert connection.vendor == wanted


@pytest.mark.django_db
@pytest.mark.sqlite
def test_the_sqlite_test_database_is_a_file():
    assert Path(connection.settings_dict["NAME"]).is_file()
