"""What an operator is told about a cause, beyond its sentence.

The guides themselves are in cause_guide_*.py, by subject; cause_groups.py joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Guide:
    """Texts for people; `%(name)s` in them is a number of spelled_numbers.py.

    meaning: what happened. we_do: what the portal does by itself. you_do: what a person
    should do. avoid: what makes it worse.
    """

    meaning: _StrPromise
    we_do: _StrPromise
    you_do: _StrPromise
    avoid: _StrPromise


KEEP_THE_KEYS = _("Do not unlink, clear or scan again: the keys are good.")
