from __future__ import annotations

import io
import os
import pty

from sessions.management.progress import shown


def test_a_terminal_shows_how_many_have_passed():
    reader, writer = pty.openpty()
    with open(writer, "w") as terminal:
        assert list(shown(range(3), unit="phones", stream=terminal)) == [0, 1, 2]
        terminal.flush()
        assert b"phones" in os.read(reader, 4096)
    os.close(reader)


def test_a_file_gets_nothing():
    file = io.StringIO()
    assert list(shown(range(3), unit="phones", stream=file)) == [0, 1, 2]
    assert file.getvalue() == ""
