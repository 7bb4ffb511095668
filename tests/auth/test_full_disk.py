"""A disk that is full, at each step, costs nothing."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager

import pytest

from sessions.auth.errors import (
    StoreUnavailable,
)
from tests.auth.core import SESSION
from tests.auth.files import (
    leftovers,
    prekeys_of,
    root_of,
    session_of,
)


@pytest.fixture
def full_disk():
    """Files of this process cannot grow beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limit


# While the tables are copied, while rows are inserted, while the WAL is emptied.
@pytest.mark.parametrize("size", [4096, 150_000, 180_000, 250_000])
def test_a_full_disk_loses_nothing(place, elsewhere, full_disk, size):
    running = place.run()
    running.core.pair()
    running.core.make_prekeys(2000)
    running.mirror.push()
    place.die()
    there = elsewhere()
    with full_disk(size), pytest.raises(StoreUnavailable, match=r"(full|I/O|large)"):
        there.open()
    assert leftovers(there) == []
    there.open()
    assert len(prekeys_of(there.path)) == 2001


def test_a_full_disk_keeps_the_local_file(place, paired, full_disk):
    newest = root_of(paired.core.put_session(SESSION))
    place.die()
    place.retake()
    with full_disk(0), pytest.raises(StoreUnavailable):
        place.open()
    assert session_of(place.path) == newest
    place.open()
    assert session_of(place.path) == newest


def test_too_many_open_files_do_not_make_a_file_broken(place, paired):
    newest = root_of(paired.core.put_session(SESSION))
    place.die()
    place.retake()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The lowest free number is the last one: tests before this one may have left gaps.
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, limits[1]))
    try:
        with pytest.raises((StoreUnavailable, OSError)):
            place.open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    place.open()
    assert session_of(place.path) == newest


def test_a_schema_that_cannot_be_made_is_said_so(place):
    def fail(path, realm):
        raise OSError(28, "No space left on device")

    place.create_schema = fail
    with pytest.raises(StoreUnavailable, match="No space left"):
        place.open()
