"""The theme speaks Russian too, though it ships no translations."""

from __future__ import annotations

from pathlib import Path

import unfold
from django.conf import settings
from django.utils.translation import gettext, ngettext, override

from config.dotenv import BASE_DIR
from tests.translations.extraction import Marked, marked_in

ROOT = Path(unfold.__file__).parent


def used_files() -> list[Path]:
    """Templates and modules of the parts that are installed."""
    contrib = ROOT / "contrib"
    left_out = {ROOT / "templates" / "unfold_crispy"} | {
        part
        for part in contrib.iterdir()
        if f"unfold.contrib.{part.name}" not in settings.INSTALLED_APPS
    }
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in {".py", ".html"} and not left_out.intersection(path.parents)
    ]


def in_russian(marked: Marked) -> bool:
    with override("ru"):
        if marked.plural:
            return ngettext(marked.text, marked.plural, 5) != marked.plural
        return gettext(marked.text) != marked.text


def test_every_text_of_the_theme_has_a_russian_one():
    """Add what is missing to config/theme_texts.py, then run `make messages`."""
    marked = set().union(*map(marked_in, used_files()))
    assert len(marked) > 100
    assert sorted(text.text for text in marked if not in_russian(text)) == []


def test_the_list_of_theme_texts_has_nothing_that_the_theme_dropped():
    listed = marked_in(BASE_DIR / "config" / "theme_texts.py")
    assert listed <= set().union(*map(marked_in, used_files()))
