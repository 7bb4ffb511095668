from __future__ import annotations

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.phone_command import PhoneCommand


class Command(PhoneCommand):
    help = "Run the session of each PHONE; also ends a hold."
    verb = "start"

    def act(self, phone: OrganizationPhone) -> str:
        verbs.start(phone)
        return _("It will be started.")
