"""`make screenshots`: the README's pictures, taken of the running software.

A host, the real client, the sandbox and a real browser, on a database of its own.
"""

from __future__ import annotations

from pathlib import Path

IMAGES = Path("docs/images")
WINDOW = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1}
NARROW = {"viewport": {"width": 390, "height": 800}, "device_scale_factor": 2}
PASSWORD = "screenshots"


def main() -> None:
    from tests.bench import installation

    directory = installation.configure("sqlite")
    with installation.fleet_in(directory) as fleet:
        _take(fleet)


def _take(fleet) -> None:
    from django.contrib.auth.models import User

    from phones.models import Organization, Status
    from sessions import verbs
    from tests.acceptance.portal import Visitor, running_browser, running_web
    from tests.factories import make_phone

    User.objects.create_superuser("admin", password=PASSWORD)
    acme = Organization.objects.create(name="Acme Deliveries")
    bakery = Organization.objects.create(name="Bakery Nord")
    numbers = ("77054810862", "77054810870", "77054810884", "4915112345678")
    phones = [make_phone(acme, phone_number=number) for number in numbers[:3]]
    phones.append(make_phone(bakery, phone_number=numbers[3]))
    fresh = make_phone(bakery, phone_number="4915112345690")
    fleet.start_host(name="server-1")
    jids = [fleet.link(phone) for phone in phones]
    verbs.send(phones[0], to=numbers[1], text="Hello")
    verbs.send(phones[1], to=numbers[0], text="Hello back")
    fleet.sandbox.fault("replace", jid=jids[2])
    fleet.wait_status(phones[2], Status.WAITING)
    fleet.sandbox.fault("drop", jid=jids[0])
    fleet.wait_status(phones[0], Status.CONNECTED)
    fleet.sandbox.unlink(jid=jids[3])
    fleet.wait_status(phones[3], Status.LOGGED_OUT)
    with running_web(fleet) as address, running_browser() as browser:
        visitor = Visitor.sign_in(browser, address, "admin", PASSWORD, **WINDOW)
        visitor.start_link(fresh.pk)
        visitor.wait_stage("qr")
        visitor.page.wait_for_load_state("networkidle")
        visitor.page.screenshot(path=IMAGES / "qr.png")
        visitor.page.goto(f"{address}/admin/phones/organizationphone/")
        visitor.page.wait_for_load_state("networkidle")
        visitor.page.screenshot(path=IMAGES / "phones.png")
        visitor.open_phone(phones[0].pk)
        visitor.page.wait_for_load_state("networkidle")
        visitor.page.screenshot(path=IMAGES / "phone.png")
        dark = Visitor.sign_in(
            browser, address, "admin", PASSWORD, color_scheme="dark", **NARROW
        )
        dark.open_qr(fresh.pk)
        dark.wait_stage("qr")
        dark.page.wait_for_load_state("networkidle")
        dark.page.screenshot(path=IMAGES / "qr-dark-phone.png")


if __name__ == "__main__":
    main()
