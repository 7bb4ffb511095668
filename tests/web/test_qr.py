"""The QR code as a picture that a camera reads, in light and in dark surroundings."""

from __future__ import annotations

import re

import numpy
import pytest

from phones.qr import QUIET_ZONE, draw
from tests.camera import read_qr
from tests.web.doubles import CODE

SCALE = 6  # pixels per module
LIGHT, DARK = 255, 17


def rasterised(svg, surroundings):
    """The picture a browser would draw: the SVG in a page of that grey."""
    (size,) = map(int, set(re.findall(r'viewBox="0 0 (\d+) \d+"', svg)))
    ground, code = re.findall(r'fill="(#\w+)" d="([^"]+)"', svg)
    assert ground == ("#fff", f"M0 0h{size}v{size}h-{size}z")
    assert code[0] == "#000"
    picture = numpy.full((size, size), 255, numpy.uint8)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", code[1]):
        picture[int(y), int(x) : int(x) + int(length)] = 0
    big = picture.repeat(SCALE, 0).repeat(SCALE, 1)
    margin = 20 * SCALE
    return numpy.pad(big, margin, constant_values=surroundings)


@pytest.mark.parametrize("surroundings", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("text", [CODE, "2@short,a,b,c", CODE * 3])
def test_a_camera_reads_the_code(text, surroundings):
    picture = rasterised(draw(text), surroundings)
    decoded = read_qr(picture)
    assert decoded == text


def test_the_code_brings_its_own_quiet_zone():
    picture = rasterised(draw(CODE), DARK)[
        20 * SCALE : -20 * SCALE, 20 * SCALE : -20 * SCALE
    ]
    for _ in range(4):
        assert (picture[: QUIET_ZONE * SCALE] == 255).all()
        picture = numpy.rot90(picture)


def test_the_picture_holds_no_text_of_the_code():
    assert "linked_devices" not in draw(CODE)
