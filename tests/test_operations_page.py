"""docs/operations.md names what exists, and all of it."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from metrics.web.event_counts import EventCounts
from metrics.web.fleet_figures import PREFIX, families
from sessions.models import Alert
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.django_db
def test_every_figure_is_described_and_none_is_made_up():
    real = {
        family.name.removeprefix(PREFIX)
        + ("_total" if family.type == "counter" else "")
        for family in families(timezone.now(), EventCounts())
    }
    table = PAGE.partition("| name (`switchboard_…`)")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert described == real
    used = set(re.findall(r"`switchboard_(\w+)", PAGE.replace("switchboard_…", "")))
    assert used <= real


def test_every_alert_is_described_with_what_to_do():
    for kind in Alert.Kind:
        assert re.search(rf"^\| {kind.label} \|.+\|.+\|$", PAGE, re.MULTILINE), kind


def test_every_place_it_points_to_is_there():
    anchors = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        if path:
            assert (ROOT / "docs" / path).exists(), target
        else:
            assert anchor in anchors, target


def test_it_stays_readable():
    assert PAGE.count("\n") <= 400
