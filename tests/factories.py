"""Rows for tests: plain functions with the defaults that most tests want."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import User

from phones.models import Membership, Organization, OrganizationPhone, Role

_numbers = itertools.count(77099000000)
_names = itertools.count(1)

PASSWORD = "correct horse battery"


def make_organization(**fields: Any) -> Organization:
    fields.setdefault("name", f"Organization {next(_names)}")
    return Organization.objects.create(**fields)


def make_phone(
    organization: Organization | None = None, **fields: Any
) -> OrganizationPhone:
    """A new phone with a number of its own; fields by their model names."""
    fields.setdefault("phone_number", str(next(_numbers)))
    return OrganizationPhone.objects.create(
        organization=organization or make_organization(), **fields
    )


def make_user(
    organization: Organization | None = None,
    role: Role = Role.OPERATOR,
    **fields: Any,
) -> User:
    """Staff with the password PASSWORD and a role, if an organization is given."""
    fields.setdefault("username", f"person{next(_names)}")
    user = User.objects.create_user(password=PASSWORD, is_staff=True, **fields)
    if organization is not None:
        Membership.objects.create(organization=organization, user=user, role=role)
    return user
