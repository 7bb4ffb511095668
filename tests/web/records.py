"""Auth rows of phones for the tests of their pages."""

from __future__ import annotations

from sessions.models import AuthReport, BaileysAuth

KEYS = (
    "creds",
    "pre-key-1",
    "pre-key-2",
    "session-4915112345678.0",
    "identity-key-4915112345678.0",
    "sender-key-120363@g.us::4915112345678::0",
    "app-state-sync-key-AAAA",
    "app-state-sync-version-critical",
    "lid-mapping-188877766655544_reverse",
    "contact-4915112345678@s.whatsapp.net",
    "tctoken-4915112345678@s.whatsapp.net",
    "whatsmeow_message_secrets-x::y",
)


def url(phone, page=""):
    return f"/admin/phones/organizationphone/{phone.pk}/auth/{page}"


def fill(phone, keys=KEYS, value="gAAAAA" + "x" * 94):
    BaileysAuth.objects.bulk_create(
        BaileysAuth(
            organization_id=phone.organization_id,
            phone_jid=phone.auth_key,
            key=key,
            value=value,
        )
        for key in keys
    )


def report(phone, verdict, *findings, **fields):
    rows = [
        {"check": check, "severity": severity, "values": values}
        for check, severity, values in findings
    ]
    return AuthReport.objects.create(
        phone=phone, verdict=verdict, findings=rows, **fields
    )


def body(client, address):
    return client.get(address).content.decode()
