from __future__ import annotations

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.phone_command import PhoneCommand


class Command(PhoneCommand):
    help = "Stop each PHONE and mark it: it needs a person."
    verb = "hold"

    def act(self, phone: OrganizationPhone) -> str:
        verbs.hold(phone)
        return _("It will be held until somebody starts it.")
