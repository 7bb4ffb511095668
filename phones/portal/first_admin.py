"""The first superuser of a new database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

USERNAME = "admin"


@dataclass(frozen=True)
class FirstAdmin:
    """A sign-in that is shown once; the database keeps only the hash."""

    username: str
    password: str = field(repr=False)


def make_first_admin() -> FirstAdmin | None:
    """Make a superuser with a random password; None when there is one already."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True, is_active=True).exists():
        return None
    taken = users.filter(username__startswith=USERNAME).count()
    username = f"{USERNAME}{taken}" if taken else USERNAME
    password = secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            users.create_superuser(username, "", password)
    except IntegrityError:
        return None  # another portal on this database was first
    return FirstAdmin(username, password)
