"""Auth rows by category, and the rows themselves, in the admin."""

from __future__ import annotations

import pytest
from django.utils import timezone

from phones.admin.auth_categories import CATEGORIES, category_of, of_category, stock
from sessions.models import BaileysAuth
from tests.factories import make_phone
from tests.web.records import KEYS, body, fill, url

# Categories


def test_every_key_has_one_category(phone):
    fill(phone)
    rows = BaileysAuth.objects.of(phone)
    found = [
        key
        for category in CATEGORIES
        for key in of_category(rows, category).values_list("key", flat=True)
    ]
    assert sorted(found) == sorted(KEYS)
    for category in CATEGORIES:
        for key in of_category(rows, category).values_list("key", flat=True):
            assert category_of(key) is category


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("creds", "creds"),
        ("creds-of-something", "creds"),
        ("pre-key-77", "pre-key"),
        ("sender-key-memory-x", "sender-key"),
        ("app-state-sync-version-regular", "app-state-sync-version"),
        ("sessions", "other"),
        ("", "other"),
    ],
)
def test_a_key_is_told_by_its_beginning(key, name):
    assert category_of(key).name == name


def test_rows_are_counted_and_weighed(phone):
    fill(phone, ["creds"], "a" * 100)
    fill(phone, ["pre-key-1", "pre-key-2", "pre-key-3"], "b" * 100)
    fill(make_phone(phone.organization), ["session-1.0"])
    counted = stock(BaileysAuth.objects.of(phone))
    assert (counted.rows, counted.bytes) == (4, 400)
    shares = {share.category.name: share for share in counted.shares}
    assert set(shares) == {"creds", "pre-key"}
    assert (shares["pre-key"].rows, shares["pre-key"].row_percent) == (3, 75)
    assert shares["creds"].byte_percent == 25
    assert counted.oldest <= counted.newest <= timezone.now()


def test_a_phone_without_rows_has_no_shares(phone):
    counted = stock(BaileysAuth.objects.of(phone))
    assert (counted.shares, counted.rows, counted.oldest) == ([], 0, None)


def test_the_picture_says_its_figures_to_readers_without_eyes(browse, viewer, phone):
    fill(phone, ["creds", "pre-key-1", "pre-key-2", "pre-key-3"])
    text = body(browse(viewer), url(phone))
    assert "75 % of the rows, 75 % of the size" in text
    assert '<rect class="sb-bar-rows" width="75.00"' in text


def test_numbers_in_the_picture_ignore_the_readers_language(browse, viewer, phone):
    fill(phone, ["creds", "pre-key-1", "pre-key-2"])
    client = browse(viewer)
    client.cookies["django_language"] = "ru"
    assert 'width="66.67"' in body(client, url(phone))


# Rows


def test_rows_name_keys_and_show_no_value(browse, operator, phone):
    fill(phone)
    text = body(browse(operator), url(phone))
    for key in KEYS:
        assert f"<code>{key}</code>" in text, key
    assert "gAAAAA" not in text


def test_viewers_do_not_read_whom_a_phone_talks_to(browse, viewer, phone):
    fill(phone)
    text = body(browse(viewer), url(phone))
    assert "4915112345678" not in text
    assert "operators of the organization see them" in text


def test_rows_of_one_category(browse, operator, phone):
    fill(phone)
    answer = browse(operator).get(url(phone) + "?category=pre-key")
    assert sorted(row["key"] for row in answer.context["rows"]) == [
        "pre-key-1",
        "pre-key-2",
    ]
    answer = browse(operator).get(url(phone) + "?category=nonsense")
    assert len(answer.context["rows"]) == len(KEYS)


def test_rows_come_in_pages_and_keep_their_category(browse, operator, phone):
    fill(phone, [f"pre-key-{n}" for n in range(120)] + ["creds"])
    client = browse(operator)
    text = body(client, url(phone) + "?category=pre-key")
    assert "1–50 of 120" in text
    assert "?category=pre-key&amp;page=2#rows" in text
    answer = client.get(url(phone) + "?category=pre-key&page=3")
    assert len(answer.context["rows"]) == 20
    answer = client.get(url(phone) + "?page=nonsense")
    assert answer.context["rows"].number == 1


def test_ten_thousand_rows_cost_few_queries(
    browse, operator, phone, django_assert_max_num_queries
):
    fill(phone, [f"pre-key-{n}" for n in range(10_000)])
    client = browse(operator)
    with django_assert_max_num_queries(40):
        client.get(url(phone))
