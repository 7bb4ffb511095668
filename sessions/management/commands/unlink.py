from __future__ import annotations

import time

from django.utils.translation import gettext as _

from phones.models import OrganizationPhone
from sessions import verbs
from sessions.management.outcome import wait_for
from sessions.management.phone_command import PhoneCommand


class Command(PhoneCommand):
    help = (
        "Log each PHONE out of WhatsApp and wipe its keys; waits for the outcome. An "
        "offline phone is connected for it; fails after 30 seconds."
    )
    verb = "unlink"
    pause = staticmethod(time.sleep)

    def act(self, phone: OrganizationPhone) -> str:
        request = verbs.unlink(phone)
        try:
            wait_for(request, pause=self.pause)
        except verbs.VerbRefused as refusal:
            offer = _(
                "`manage.py clear_auth %(phone)s` wipes the keys here; then remove the "
                "device on the phone under Linked devices."
            ) % {"phone": phone.pk}
            raise verbs.VerbRefused(f"{refusal} {offer}") from refusal
        return _("Unlinked; a new scan is needed to link it again.")
