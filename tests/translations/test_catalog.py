"""The Russian catalog is whole; after a new text: `make messages`, then translate."""

from __future__ import annotations

import gettext
import re

import pytest
from django.utils.translation import override

from config.dotenv import BASE_DIR
from sessions.policy.causes import sentence
from tests.translations.extraction import Marked, marked_in
from tests.translations.po_file import read_po

OURS = ("config", "phones", "sessions", "metrics", "templates")
FOLDER = BASE_DIR / "locale" / "ru" / "LC_MESSAGES"
CATALOG = read_po(FOLDER / "django.po")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def marked_texts() -> set[Marked]:
    files = [
        path
        for part in OURS
        for path in (BASE_DIR / part).rglob("*")
        if path.suffix in {".py", ".html", ".txt"} and "migrations" not in path.parts
    ]
    return set().union(*map(marked_in, files))


def test_every_marked_text_is_in_the_catalog():
    known = {(entry.text, entry.context) for entry in CATALOG}
    marked = {(text.text, text.context) for text in marked_texts()}
    assert len(marked) > 200
    assert sorted(marked - known) == []


def test_every_plural_is_in_the_catalog():
    known = {(entry.text, entry.plural) for entry in CATALOG if entry.plural}
    marked = {(text.text, text.plural) for text in marked_texts() if text.plural}
    assert marked
    assert sorted(marked - known) == []


def test_the_catalog_has_no_text_that_nobody_marks():
    marked = {(text.text, text.context) for text in marked_texts()}
    known = {(entry.text, entry.context) for entry in CATALOG}
    assert sorted(known - marked) == []


def test_every_text_is_translated_and_none_is_a_guess():
    assert [entry.text for entry in CATALOG if not all(entry.strings)] == []
    assert [entry.text for entry in CATALOG if "fuzzy" in entry.flags] == []
    assert [entry.text for entry in CATALOG if "obsolete" in entry.flags] == []


def test_every_plural_has_four_forms():
    assert {len(entry.strings) for entry in CATALOG if entry.plural} == {4}


def test_translations_name_the_same_values():
    for entry in CATALOG:
        wanted = set(PLACEHOLDER.findall(entry.text + entry.plural))
        for text in entry.strings:
            assert set(PLACEHOLDER.findall(text)) == wanted, entry.text


def test_the_compiled_catalog_is_up_to_date():
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in CATALOG:
        if entry.plural:
            for count, form in ((1, 0), (2, 1), (5, 2)):
                said = compiled.ngettext(entry.text, entry.plural, count)
                assert said == entry.strings[form]
        elif entry.context:
            said = compiled.pgettext(entry.context, entry.text)
            assert said == entry.strings[0]
        else:
            assert compiled.gettext(entry.text) == entry.strings[0]


@pytest.mark.parametrize(
    ("cause", "values", "said"),
    [
        (
            "u1",
            {},
            "Устройство отвязано на телефоне или самим WhatsApp; отсканируйте новый "
            "QR-код.",
        ),
        (
            "n3",
            {"detail": "dns"},
            "Сервер не может подключиться к WhatsApp (имя не найдено в DNS); "
            "следующая попытка в ….",
        ),
        (
            "q5",
            {"actual": "77010000000", "expected": "77054810862"},
            "Привязан номер 77010000000 вместо 77054810862; он отвязан, отсканируйте "
            "код нужным телефоном.",
        ),
    ],
)
def test_an_operator_reads_russian(cause, values, said):
    with override("ru"):
        assert sentence(cause, values) == said
