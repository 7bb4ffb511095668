"""Files for the wizard that takes over from Baileys."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from phones.models import OrganizationPhone
from sessions.baileys import buffer_json
from sessions.baileys.source import SourcePhone
from sessions.models import BaileysImport
from tests.baileys_records.made_up import made_up_phone

START = "/admin/baileys/"
FIRST, SECOND = "77010000101", "77010000102"


def upload_of(client, organization, *phones, **extra):
    """The import that the wizard makes of these phones."""
    answer = client.post(
        START,
        {
            "organization": organization.pk,
            "records": as_upload(dump_of(*phones)),
            **extra,
        },
    )
    assert answer.status_code == 302, answer.context["form"].errors
    return BaileysImport.objects.get(pk=int(answer.url.rstrip("/").split("/")[-1]))


def page(upload):
    return f"{START}{upload.pk}/"


def steps(client, upload):
    """Ask for steps as the page does, until nothing is left."""
    for _ in range(20):
        answer = client.post(
            f"{page(upload)}step/", headers={"Accept": "application/json"}
        )
        if answer.json()["left"] == 0:
            return
    raise AssertionError("the steps do not end")


def row(upload, number):
    return upload.phones.get(phone_number=number)


def take(client, upload, *numbers, **extra):
    ids = [row(upload, number).pk for number in numbers]
    return client.post(f"{page(upload)}take/", {"phone": ids, **extra})


def dump_of(*phones: SourcePhone) -> bytes:
    """A dump as json_agg of PostgreSQL writes it."""
    rows: list[dict[str, Any]] = []
    for phone in phones:
        for key, value in phone.rows.items():
            at = phone.updated[key].isoformat()
            rows.append(
                {
                    "organizationId": phone.organization,
                    "phoneJid": phone.number,
                    "key": key,
                    "value": buffer_json.dumps(value),
                    "createdAt": at,
                    "updatedAt": at,
                }
            )
    return json.dumps(rows).encode()


def make_upload(phone: OrganizationPhone, **fields: Any) -> BaileysImport:
    """An upload with the rows of this phone, checked and waiting for a choice."""
    upload = BaileysImport.objects.create(
        organization=phone.organization,
        expires_at=timezone.now() + timedelta(hours=1),
        file_size=1000,
        **fields,
    )
    upload.phones.create(
        phone_number=phone.phone_number, verdict="healthy", rows="gAAAA"
    )
    return upload


def zip_of(*phones: SourcePhone, top: str = "auth") -> bytes:
    """A zip of folders as useMultiFileAuthState makes them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for phone in phones:
            for key, value in phone.rows.items():
                name = key.replace("/", "__").replace(":", "-")
                path = f"{top}/{phone.number}/{name}.json"
                archive.writestr(path, buffer_json.dumps(value))
    return packed.getvalue()


def as_upload(content: bytes, name: str = "baileys.json") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def damaged_phone(number: str) -> SourcePhone:
    """A phone whose identity key is not the one that its account was signed for."""
    phone = made_up_phone(number)
    other = made_up_phone("77019999999").rows["creds"]
    phone.rows["creds"]["signedIdentityKey"] = other["signedIdentityKey"]
    return phone
