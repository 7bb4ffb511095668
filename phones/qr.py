"""QR text → SVG, drawn in the web process."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import qrcode
from django.utils.safestring import SafeString, mark_safe
from qrcode.constants import ERROR_CORRECT_L

QUIET_ZONE = 4  # modules of white around the code; scanners need them in dark mode


@lru_cache(maxsize=32)
def draw(text: str) -> SafeString:
    """An SVG of `text`, black on its own white ground in every colour scheme.

    Level L keeps the modules large: the code is read from a screen, nothing covers it.
    """
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    matrix = code.get_matrix()
    path = "".join(_bars(matrix))
    size = len(matrix)
    return mark_safe(  # noqa: S308 - numbers only
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" '
        'shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/>'
        f'<path fill="#000" d="{path}"/></svg>'
    )


def _bars(matrix: list[list[bool]]) -> list[str]:
    """One rectangle for each horizontal run of dark modules."""
    bars = []
    for y, row in enumerate(matrix):
        x = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                bars.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return bars
