"""Why a phone's keys cannot be used; each message is a sentence for a person."""

from __future__ import annotations

from sessions.policy.auth_check_texts import sentence
from sessions.policy.auth_checks import found
from sessions.policy.auth_findings import Finding


class AuthStoreError(Exception):
    """Something about a phone's keys stops it from being started."""


class NoKeys(AuthStoreError):
    """The central copy was emptied by a person: the phone has to be linked again."""


class KeysExist(AuthStoreError):
    """A pairing was asked for a phone that has keys; they would be orphaned."""


class BrokenStore(AuthStoreError):
    """The keys are damaged; handing them to the Go core could end its process."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(sentence(finding))
        self.finding = finding

    @classmethod
    def of(cls, check: str, **values: str | int) -> BrokenStore:
        """By the id of the check that failed."""
        return cls(found(check, **values))


class WrongRealm(AuthStoreError):
    """The file belongs to the sandbox and the database to WhatsApp, or reversed."""


class StoreInUse(AuthStoreError):
    """A session process still holds the phone's file."""


class StoreUnavailable(AuthStoreError):
    """The file cannot be read or written now (disk full, too many open files).

    Nothing that was there is lost; a later attempt may succeed.
    """
