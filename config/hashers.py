"""Password hashing for small servers."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class SmallArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB and 2 passes, the floor OWASP names for small servers.

    Django's default takes 100 MiB for each login at the same moment.
    """

    memory_cost = 19 * 1024  # KiB
    time_cost = 2
    parallelism = 1
