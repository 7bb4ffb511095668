from __future__ import annotations

import sys
from fractions import Fraction

import pytest

from sessions.client.late_modules import LateObject, importing_late
from tests.client import inspections
from tests.client.conftest import ask


def test_a_stand_in_becomes_the_real_thing_when_called():
    with importing_late(["colorsys", "wave"]):
        import colorsys
        from wave import Error
        from wave import open as open_wave

        assert isinstance(Error, LateObject)
        assert isinstance(open_wave, LateObject)
    assert "colorsys" not in sys.modules
    assert colorsys.rgb_to_hls(0, 0, 0) == (0.0, 0.0, 0.0)
    with pytest.raises(FileNotFoundError):
        open_wave("/nowhere", "rb")  # noqa: SIM115


def test_submodules_are_found_too():
    assert LateObject("xml.dom.minidom.parseString")("<a/>").documentElement is not None


def test_annotations_and_isinstance_work():
    late = LateObject("fractions.Fraction")
    assert (str | late) is not None
    assert (late | None) is not None
    assert isinstance(Fraction(1), late)
    assert not isinstance(1, late)


def test_modules_that_are_there_already_stay():
    with importing_late(["fractions"]):
        import fractions

        assert fractions.Fraction is Fraction
    assert "fractions" in sys.modules


def test_the_forkserver_leaves_media_modules_out(sandbox_forkserver):
    modules = {
        name.partition(".")[0] for name in ask(inspections.before_loading)["modules"]
    }
    assert "neonize" in modules
    assert not modules & {"PIL", "httpx", "linkpreview", "magic", "requests", "segno"}


def test_media_work_all_the_same_in_a_session(sandbox_forkserver):
    assert ask(inspections.media) == {"mime": "text/plain", "size": [3, 2]}
