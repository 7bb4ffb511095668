from __future__ import annotations

import pytest

from sessions.policy.number_aliases import same_number


@pytest.mark.parametrize(
    ("registered", "linked"),
    [
        ("77054810862", "77054810862"),
        ("87054810862", "77054810862"),
        ("89161234567", "79161234567"),
        ("5511987654321", "551187654321"),
        ("551187654321", "5511987654321"),
        ("525512345678", "5215512345678"),
        ("5215512345678", "525512345678"),
        ("541112345678", "5491112345678"),
        ("5491112345678", "541112345678"),
    ],
)
def test_one_account_in_two_spellings(registered, linked):
    assert same_number(registered, linked)


@pytest.mark.parametrize(
    ("registered", "linked"),
    [
        ("77054810862", "77054810863"),
        ("8613812345678", "7613812345678"),  # China is no trunk prefix
        ("85212345678", "75212345678"),  # nor is Hong Kong
        ("525512345678", "541112345678"),
        ("5511987654321", "5511987654322"),
        ("77054810862", ""),
    ],
)
def test_two_accounts(registered, linked):
    assert not same_number(registered, linked)
