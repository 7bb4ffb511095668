"""A phone's auth rows by category: how many, how large, and what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.utils.translation import gettext_lazy as _

from sessions.models import BaileysAuth

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

OTHER = "other"


@dataclass(frozen=True)
class Category:
    """Rows whose key is `name` or begins with it; `losing` tells what they are for."""

    name: str
    label: _StrPromise
    losing: _StrPromise

    def holds(self, key: str) -> bool:
        return key == self.name or key.startswith(self.name + "-")


CATEGORIES = (
    Category("creds", _("device"), _("The linked device itself.")),
    Category("pre-key", _("prekeys"), _("For first messages of new contacts.")),
    Category("session", _("Signal sessions"), _("One per contact's device.")),
    Category("identity-key", _("identities"), _("Whom the sessions belong to.")),
    Category("sender-key", _("sender keys"), _("For messages of groups.")),
    Category(
        "app-state-sync-key",
        _("app state keys"),
        _("For contacts and settings from the phone."),
    ),
    Category(
        "app-state-sync-version",
        _("app state versions"),
        _("How far contacts and settings were read."),
    ),
    Category("lid-mapping", _("LID pairs"), _("Which LID is which number.")),
    Category("contact", _("contacts"), _("Names that messages brought.")),
    Category("tctoken", _("privacy tokens"), _("For chats with strangers.")),
    Category(OTHER, _("other"), _("Tables that Baileys does not have.")),
)


@dataclass(frozen=True)
class Share:
    """One category of a phone. bytes: as stored, that is encrypted."""

    category: Category
    rows: int
    bytes: int
    row_percent: float
    byte_percent: float


@dataclass(frozen=True)
class Stock:
    """All auth rows of a phone, counted; `oldest` and `newest` are None without any."""

    shares: list[Share]
    rows: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None


def category_of(key: str) -> Category:
    return next((each for each in CATEGORIES if each.holds(key)), CATEGORIES[-1])


def stock(rows: QuerySet[BaileysAuth]) -> Stock:
    """Counted from keys and lengths alone; no value leaves the database."""
    counts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    oldest = newest = None
    listed = rows.order_by().values_list(
        "key", Length("value"), "created_at", "updated_at"
    )
    for key, size, created, updated in listed.iterator():
        name = category_of(key).name
        counts[name] = counts.get(name, 0) + 1
        sizes[name] = sizes.get(name, 0) + size
        oldest = created if oldest is None else min(oldest, created)
        newest = updated if newest is None else max(newest, updated)
    total, weight = sum(counts.values()), sum(sizes.values())
    shares = [
        Share(
            category=category,
            rows=counts[category.name],
            bytes=sizes[category.name],
            row_percent=100 * counts[category.name] / total,
            byte_percent=100 * sizes[category.name] / max(weight, 1),
        )
        for category in CATEGORIES
        if category.name in counts
    ]
    return Stock(shares, total, weight, oldest, newest)


def of_category(
    rows: QuerySet[BaileysAuth], category: Category
) -> QuerySet[BaileysAuth]:
    """Those of `rows` that `category_of` gives to it."""
    if category.name != OTHER:
        return rows.filter(_named(category))
    named = Q()
    for each in CATEGORIES[:-1]:
        named |= _named(each)
    return rows.exclude(named)


def _named(category: Category) -> Q:
    return Q(key=category.name) | Q(key__startswith=category.name + "-")
