from __future__ import annotations

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.phone_command import PhoneCommand


class Command(PhoneCommand):
    help = "End the session process of each PHONE and start a new one."
    verb = "restart"

    def act(self, phone: OrganizationPhone) -> str:
        verbs.restart(phone)
        return _("It will be restarted; no scan is needed.")
