"""Texts marked for translation, found without the gettext tools."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import templatize

CALLS = ("_", "gettext", "gettext_lazy", "gettext_noop")
PLURAL_CALLS = ("ngettext", "ngettext_lazy")
CONTEXT_CALLS = ("pgettext", "pgettext_lazy")
STRING = r"""u?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
TEMPLATE_CALL = re.compile(
    rf"\b(_|n?gettext|pgettext)\(\s*({STRING})(?:\s*,\s*({STRING}))?", re.DOTALL
)


@dataclass(frozen=True)
class Marked:
    """One msgid; `plural` and `context` are empty where there are none."""

    text: str
    plural: str = ""
    context: str = ""


def _marked(name: str, texts: list[str | None]) -> Marked | None:
    match name, texts:
        case (call, [str(text), *_]) if call in CALLS:
            return Marked(text)
        case (call, [str(text), str(plural), *_]) if call in PLURAL_CALLS:
            return Marked(text, plural=plural)
        case (call, [str(context), str(text), *_]) if call in CONTEXT_CALLS:
            return Marked(text, context=context)
    return None


def marked_in_python(source: str) -> Iterator[Marked]:
    """The texts of every gettext call."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        values = [getattr(argument, "value", None) for argument in node.args]
        texts = [value if isinstance(value, str) else None for value in values]
        if marked := _marked(name, texts):
            yield marked


def marked_in_template(source: str) -> Iterator[Marked]:
    """The texts of every translate and blocktranslate tag, and of `_()` in tags."""
    for name, *literals in TEMPLATE_CALL.findall(templatize(source)):
        texts = [ast.literal_eval(literal) for literal in literals if literal]
        if marked := _marked(name, texts):
            yield marked


def marked_in(path: Path) -> set[Marked]:
    """The marked texts of one Python file or template."""
    read = marked_in_python if path.suffix == ".py" else marked_in_template
    return {marked for marked in read(path.read_text()) if marked.text}
