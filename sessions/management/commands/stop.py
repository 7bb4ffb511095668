from __future__ import annotations

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.phone_command import PhoneCommand


class Command(PhoneCommand):
    help = "End the session of each PHONE and keep its keys."
    verb = "stop"

    def act(self, phone: OrganizationPhone) -> str:
        verbs.stop(phone)
        return _("It will be stopped; its keys stay.")
