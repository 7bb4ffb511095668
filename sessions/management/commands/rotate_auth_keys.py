from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from phones.management.person_command import PersonCommand
from sessions.auth.rotation import reencrypt


class Command(PersonCommand):
    help = (
        "Encrypt every stored key again with the first of AUTH_KEYS; afterwards the "
        "older ones can be taken away. Hosts may run meanwhile."
    )

    def handle(self, **options: Any) -> None:
        count = reencrypt()
        self.say(
            _("%(count)d values encrypted again.") % {"count": count},
            ok=True,
            count=count,
        )
