"""What a camera reads of a picture."""

from __future__ import annotations

import cv2
import numpy as np

DETECTORS = (cv2.QRCodeDetector, cv2.QRCodeDetectorAruco)
SCALES = (1.0, 2.0, 1.5)


def read_qr(picture: np.ndarray) -> str:
    """The text of the QR code in the picture; "" if none is seen.

    OpenCV's detector misses about one code in thirty (80 random codes of this length,
    OpenCV 4.10), always the same ones; a phone's camera moves, so this tries more than
    one size and detector.
    """
    for scale in SCALES:
        scaled = cv2.resize(
            picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC
        )
        for detector in DETECTORS:
            text, *_ = detector().detectAndDecode(scaled)
            if text:
                return str(text)
    return ""
