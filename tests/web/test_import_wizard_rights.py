"""Who may take over from Baileys, and for which organization."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from phones.models import Role
from sessions.models import BaileysImport
from tests.baileys_records.made_up import made_up_phone
from tests.factories import make_organization, make_user
from tests.web.test_walk import Victim, addresses
from tests.web.uploading import FIRST, START, as_upload, dump_of, page, row, upload_of

pytestmark = pytest.mark.django_db

VERBS = ("step", "take", "discard")


@pytest.fixture
def as_steward(browse, steward):
    return browse(steward)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_stewards_may(browse, organization, as_steward, role):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    other = browse(make_user(organization, role))
    assert other.get(START).status_code == 403
    assert other.get(page(upload)).status_code in (403, 404)
    for verb in VERBS:
        assert other.post(f"{page(upload)}{verb}/").status_code in (403, 404)
    assert START not in other.get("/admin/").content.decode()
    assert BaileysImport.objects.exists()


def test_a_strangers_upload_does_not_exist(stranger, organization, as_steward):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    elsewhere = Client()
    elsewhere.force_login(stranger)
    for pk in (upload.pk, 10**9):
        assert elsewhere.get(f"{START}{pk}/").status_code == 404
        for verb in VERBS:
            assert elsewhere.post(f"{START}{pk}/{verb}/").status_code == 404
    BaileysImport.objects.update(file_name="theirs.json")
    body = elsewhere.get(START).content.decode()
    assert "theirs.json" not in body
    assert organization.name not in body


def test_the_walk_knows_these_pages():
    """tests/web/test_walk.py asks every address as those who may not."""
    victim = Victim()
    known = set(addresses(victim))
    own = page(victim.upload)
    assert {START, own, *(f"{own}{verb}/" for verb in VERBS)} <= known


def test_no_upload_into_a_foreign_organization(as_steward):
    foreign = make_organization(name="Foreign")
    answer = as_steward.post(
        START,
        {"organization": foreign.pk, "records": as_upload(dump_of(made_up_phone()))},
    )
    assert answer.context["form"].errors["organization"]
    assert not BaileysImport.objects.exists()


def test_a_get_changes_nothing(as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    for verb in VERBS:
        assert as_steward.get(f"{page(upload)}{verb}/").status_code == 405
    as_steward.get(page(upload))
    assert row(upload, FIRST).verdict == ""


def test_a_superuser_without_an_organization_is_told_to_add_one(browse, superuser):
    body = browse(superuser).get(START).content.decode()
    assert "/admin/phones/organization/add/" in body
    assert "None yet." in body


def test_the_sidebar_leads_there(as_steward):
    assert f'href="{START}"' in as_steward.get("/admin/").content.decode()


def test_an_empty_list_of_phones_leads_there_too(as_steward):
    body = as_steward.get("/admin/phones/organizationphone/").content.decode()
    assert body.count(f'href="{START}"') == 2


def test_the_page_says_how_long_keys_are_kept(as_steward, settings):
    settings.WHATSAPP_IMPORT_KEPT = timedelta(hours=5, minutes=30)
    assert "for 6 hours at most" in as_steward.get(START).content.decode()
