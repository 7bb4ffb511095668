from __future__ import annotations

import pytest

from phones.models import AuditEntry, Organization, OrganizationPhone
from tests.factories import make_phone


@pytest.mark.parametrize(
    "number", ["77054810862", "+7 705 481-08-62", "+7 (705) 481.08.62", "0077054810862"]
)
def test_it_accepts_a_number_as_people_write_it(run, organization, number):
    done = run("add_phone", "--organization", "Acme", number)

    phone = OrganizationPhone.objects.get()
    assert (done.status, done.stdout) == (0, f"{phone.pk}\n")
    assert (phone.phone_number, phone.organization) == ("77054810862", organization)
    assert phone.status == "new"
    assert AuditEntry.objects.get().verb == "add_phone"


def test_it_makes_the_organization_and_says_so_beside_the_id(run, db):
    done = run("add_phone", "--organization", " New Ltd ", "77054810862")

    assert done.status == 0
    assert Organization.objects.get().name == "New Ltd"
    assert "New organization: New Ltd" in done.stderr
    assert done.stdout.strip().isdigit()


def test_it_prints_an_object_with_json(run, organization):
    done = run("add_phone", "--organization", "Acme", "77054810862", "--json")

    assert done.lines == [
        {
            "ok": True,
            "id": OrganizationPhone.objects.get().pk,
            "number": "77054810862",
            "organization": "Acme",
            "new_organization": False,
        }
    ]


@pytest.mark.parametrize(
    "number", ["7705abc0862", "12345", "", "7" * 16, "٧٧٠٥٤٨١٠٨٦٢"]
)
def test_it_refuses_what_is_no_number_in_one_sentence(run, db, number):
    done = run("add_phone", "--organization", "Acme", number)

    assert (done.status, done.stdout) == (1, "")
    assert "not a phone number" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Organization.objects.exists()


def test_it_refuses_a_number_the_organization_has_and_names_its_id(run, organization):
    phone = make_phone(organization, phone_number="77054810862")

    done = run("add_phone", "--organization", "Acme", "+7 705 481 08 62")

    assert done.status == 1
    assert f"its id is {phone.pk}" in done.stderr


def test_it_refuses_an_organization_without_a_name(run, db):
    done = run("add_phone", "--organization", "  ", "77054810862")

    assert done.status == 1
    assert "needs a name" in done.stderr


def test_a_missing_option_is_a_sentence_and_status_1(run, db):
    done = run("add_phone", "77054810862")

    assert done.status == 1
    assert "--organization" in done.stderr
