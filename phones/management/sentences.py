"""Errors as sentences for the person at the terminal."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, ProgrammingError
from django.utils.translation import gettext as _

NOT_MIGRATED = ("no such table", "no such column", "does not exist")


def sentence_of(error: Exception) -> str:
    """One line that says what is wrong, and what to do where we know it."""
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    text = str(error).strip().partition("\n")[0]
    if (
        isinstance(error, OperationalError | ProgrammingError)
        and any(part in text for part in NOT_MIGRATED)
        and "database" not in text
    ):
        return _("The database is not set up: run `python manage.py migrate`.")
    if isinstance(error, OperationalError):
        return _(
            "The database does not answer (%(detail)s); check DATABASE_URL and that "
            "the server runs."
        ) % {"detail": text}
    if isinstance(error, DatabaseError):
        return _("The database refused this (%(detail)s).") % {"detail": text}
    return text
