from __future__ import annotations

import logging

import pytest

from sessions.client.log_lines import (
    LogTap,
    MaskingFormatter,
    failure_numbers,
    install,
    is_telling,
    mask_line,
    set_debug,
)

QR = (
    "https://wa.me/settings/linked_devices#2@Ab3dEf9hIjKl,"
    "q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0x1c=,"
    "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v=,"
    "z9Y8x7W6v5U4t3S2r1Q0p9O8n7M6l5K4j3I2h1G0f9e=,1"
)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("paired 77054810862:12@s.whatsapp.net", "paired 77***62:12@s.whatsapp.net"),
        ("port 443 code 515", "port 443 code 515"),
        ("key 142375574d0a587166aae71ebe516437c4a28b73", "key …"),
        ("key q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0x1c=", "key …"),
        ("digits 123456789012345678901234567890", "digits 12***90"),
        ("server returned error 463", "server returned error 463"),
        (
            "unsuccessful/whatsmeow/connection_failure",
            "unsuccessful/whatsmeow/connection_failure",
        ),
        (f"Emitting QR code {QR} now", "Emitting QR code … now"),
        ("<ref>2@Ab3dEf9hIjKl</ref>", "<ref>…</ref>"),
    ],
)
def test_masking(line, masked):
    assert mask_line(line) == masked


def test_no_part_of_a_qr_text_survives_alone_either():
    for part in QR.partition("#")[2].split(",")[:4]:
        assert part not in mask_line(f"part {part} end")


def test_lines_are_cut():
    assert len(mask_line("word " * 10_000)) == 500


def record(level: int, message: str) -> logging.LogRecord:
    return logging.LogRecord("whatsmeow.Client", level, "", 0, message, None, None)


@pytest.mark.parametrize(
    ("level", "message", "telling"),
    [
        (logging.ERROR, "anything", True),
        (logging.WARNING, "anything", True),
        (logging.INFO, "Got 515 code, reconnecting...", True),
        (logging.INFO, "Successfully authenticated", True),
        (logging.INFO, "Failed to reconnect after 515 code: x", True),
        (logging.INFO, "Sent something", False),
        (logging.DEBUG, "Got 515 code", False),
    ],
)
def test_what_the_host_must_see(level, message, telling):
    assert is_telling(record(level, message)) is telling


def test_exceptions_are_masked_too():
    formatter = MaskingFormatter("%(message)s")
    try:
        raise ValueError("77054810862")
    except ValueError as error:
        failed = record(logging.ERROR, "failed")
        failed.exc_info = (ValueError, error, None)
    text = formatter.format(failed)
    assert "77054810862" not in text
    assert "ValueError: 77***62" in text


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        (
            'ban: <failure code="101" expire="123456789" reason="402" location="x"/>',
            {"code": 101, "expire": 123456789, "reason": 402},
        ),
        ("ban: <failure reason='415'/>", {"reason": 415}),
        ('<failure expire="77054810862" reason="402"/>', {"reason": 402}),
        ('<failure code="abc"/>', {}),
        ('<message code="101"/>', {}),
        ('<failure reason="402"><part code="7"/></failure>', {"reason": 402}),
    ],
)
def test_numbers_of_a_failure(line, numbers):
    assert failure_numbers(line) == numbers


def test_a_long_ban_reaches_the_host_though_its_line_is_masked():
    told: list[dict] = []
    text = 'Temporary ban connect failure: <failure expire="12345678" reason="402"/>'
    LogTap(told.append).emit(record(logging.WARNING, text))
    (line,) = told
    assert "12345678" not in line["line"]
    assert line["failure"] == {"expire": 12345678, "reason": 402}


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    yield root
    root.handlers[:], level, logging.raiseExceptions = before
    root.setLevel(level)


def test_telling_lines_go_to_the_host_and_to_stderr(root_logger, capsys):
    told: list[dict] = []
    tap = LogTap(told.append)
    install(tap, debug=False)
    logger = logging.getLogger("whatsmeow.Client")
    logger.info("chatter")
    logger.warning("lost %s", "77054810862")
    expected = {"event": "log", "level": "WARNING", "logger": "whatsmeow.Client"}
    assert told == [expected | {"line": "lost 77***62"}]
    assert capsys.readouterr().err.rstrip().endswith("lost 77***62")
    set_debug(tap, on=True)
    logger.debug("chatter")
    set_debug(tap, on=False)
    logger.debug("chatter")
    assert [line["line"] for line in told[1:]] == ["chatter"]


def test_a_failing_log_does_not_print_what_it_could_not_log(root_logger, capsys):
    told: list[dict] = []
    install(LogTap(told.append), debug=False)
    root_logger.warning("%d", "77054810862")
    assert "77054810862" not in capsys.readouterr().err
    assert told == []
