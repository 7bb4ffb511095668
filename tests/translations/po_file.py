"""Reads a .po file without the gettext tools."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

FIELD = re.compile(r'(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")')


@dataclass
class Entry:
    """One message; `strings` are its translations, one per plural form."""

    flags: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.fields["msgid"]

    @property
    def plural(self) -> str:
        return self.fields.get("msgid_plural", "")

    @property
    def context(self) -> str:
        return self.fields.get("msgctxt", "")

    @property
    def strings(self) -> list[str]:
        return [text for name, text in self.fields.items() if name.startswith("msgstr")]


def read_po(path: Path) -> list[Entry]:
    """All entries but the header. Raises ValueError for a line it does not know."""
    entries = [_entry(block) for block in path.read_text().split("\n\n")]
    return [entry for entry in entries if entry.fields.get("msgid")]


def _entry(block: str) -> Entry:
    entry, name = Entry(), ""
    for line in block.splitlines():
        if line.startswith("#,"):
            entry.flags += [flag.strip() for flag in line[2:].split(",")]
        elif line.startswith("#~"):
            entry.flags.append("obsolete")
            entry.fields.setdefault("msgid", line)
        elif line.startswith("#") or not line:
            continue
        elif match := FIELD.fullmatch(line):
            name = match[1]
            entry.fields[name] = ast.literal_eval(match[2])
        elif line.startswith('"'):
            entry.fields[name] += ast.literal_eval(line)
        else:
            raise ValueError(line)
    return entry
