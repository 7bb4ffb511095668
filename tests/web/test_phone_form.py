"""The form of a phone: what it may change, and what it must not undo."""

from __future__ import annotations

import pytest
from django.db import connection

from phones.models import AuditEntry, OrganizationPhone, Role, Status
from sessions import verbs
from sessions.models import BaileysAuth, PhoneLease, SessionFacts, Wish
from tests.factories import make_user

ADD = "/admin/phones/organizationphone/add/"


def change(phone):
    return f"/admin/phones/organizationphone/{phone.pk}/change/"


def delete(phone):
    return f"/admin/phones/organizationphone/{phone.pk}/delete/"


def filled_in(client, url):
    """The fields of the form at `url` as a browser would send them back."""
    form = client.get(url).context["adminform"].form
    data = {}
    for bound in form:
        data[bound.html_name] = bound.value()
        if bound.field.show_hidden_initial:
            data[bound.html_initial_name] = bound.value()
    return data


def test_the_form_in_the_page_carries_what_its_reader_saw(browse, steward, phone):
    body = browse(steward).get(change(phone)).content.decode()
    assert 'name="initial-phone_number"' in body


@pytest.mark.parametrize(
    "written", ["+7 705 481-08-99", "7 (705) 481 08 99", "007705 4810899"]
)
def test_a_number_is_stored_as_digits(browse, steward, organization, written):
    data = {"organization": organization.pk, "phone_number": written}
    answer = browse(steward).post(ADD, data)
    phone = OrganizationPhone.objects.get(phone_number="77054810899")
    assert answer["Location"] == change(phone)
    assert phone.status == Status.NEW
    assert AuditEntry.objects.get(phone=phone).verb == "add_phone"


@pytest.mark.parametrize("written", ["", "12345", "phone", "+7 705 481 08 62 00 00 1"])
def test_what_is_no_number_is_refused(browse, steward, organization, written):
    data = {"organization": organization.pk, "phone_number": written}
    answer = browse(steward).post(ADD, data)
    assert answer.context["adminform"].form.errors["phone_number"]
    assert not OrganizationPhone.objects.exists()


def test_the_same_number_twice_in_one_organization_is_refused(browse, steward, phone):
    data = {"organization": phone.organization_id, "phone_number": str(phone)}
    answer = browse(steward).post(ADD, data)
    assert "has this number already" in answer.content.decode()


def test_a_form_opened_before_the_phone_connected_changes_only_its_own_fields(
    browse, steward, phone, host
):
    client = browse(steward)
    data = filled_in(client, change(phone))
    host.connect(phone, cause="s1")
    OrganizationPhone.objects.filter(pk=phone.pk).update(
        phone_jid="77054810862:7@s.whatsapp.net", qr_code="text"
    )
    assert client.post(change(phone), data).status_code == 302
    phone.refresh_from_db()
    assert phone.status == Status.CONNECTED
    assert phone.phone_jid == "77054810862:7@s.whatsapp.net"
    assert phone.qr_code == "text"
    assert SessionFacts.objects.get(phone=phone).cause == "s1"


def test_a_form_writes_no_column_it_does_not_change(browse, steward, phone, host):
    """Also when the host writes between the form's reading and its saving."""
    client = browse(steward)
    data = filled_in(client, change(phone)) | {"phone_number": "77054810000"}
    written = []

    def watching(execute, sql, params, many, context):
        if sql.startswith('UPDATE "OrganizationPhone"'):
            written.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watching):
        assert client.post(change(phone), data).status_code == 302
    (update,) = written
    columns = update.split("SET")[1].split("WHERE")[0]
    assert '"phoneNumber"' in columns
    assert '"updatedAt"' in columns
    for fact in ("status", "phoneJid", "qrCode", "lastConnectedAt", "organizationId"):
        assert f'"{fact}"' not in columns


def test_a_form_that_never_touched_the_number_does_not_change_it_back(
    browse, steward, phone
):
    client = browse(steward)
    data = filled_in(client, change(phone))
    OrganizationPhone.objects.filter(pk=phone.pk).update(phone_number="77054810001")
    assert client.post(change(phone), data).status_code == 302
    phone.refresh_from_db()
    assert phone.phone_number == "77054810001"


def busy_linked(phone, host):
    host.connect(phone)


def busy_linking(phone, host):
    verbs.link(phone)


def busy_wanted(phone, host):
    Wish.objects.create(phone=phone, desired=Wish.Desired.RUN)


def busy_leased(phone, host):
    host.take(phone)


def busy_with_keys(phone, host):
    BaileysAuth.objects.create(
        organization_id=phone.organization_id,
        phone_jid=phone.auth_key,
        key="creds",
        value="token",
    )


BUSY = [busy_linked, busy_linking, busy_wanted, busy_leased, busy_with_keys]
NEXT_STEP = {
    busy_linked: "press Unlink",
    busy_linking: "press Stop",
    busy_wanted: "press Stop",
    busy_leased: "try again",
    busy_with_keys: "press Clear auth",
}


@pytest.mark.parametrize("busy", BUSY)
def test_the_number_of_a_busy_phone_stays(busy, browse, steward, phone, host):
    client = browse(steward)
    data = filled_in(client, change(phone)) | {"phone_number": "77054810000"}
    busy(phone, host)  # after the form was opened
    answer = client.post(change(phone), data)
    (error,) = answer.context["adminform"].form.errors["phone_number"]
    assert NEXT_STEP[busy] in error
    phone.refresh_from_db()
    assert phone.phone_number == "77054810862"


def test_another_spelling_of_the_same_number_is_no_change(browse, steward, phone, host):
    client = browse(steward)
    data = filled_in(client, change(phone)) | {"phone_number": "+7 705 481 08 62"}
    host.connect(phone)
    assert client.post(change(phone), data).status_code == 302


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_busy_phone_is_not_deleted(busy, method, browse, steward, phone, host):
    busy(phone, host)
    client = browse(steward)
    answer = getattr(client, method)(delete(phone), {"post": "yes"}, follow=True)
    assert NEXT_STEP[busy] in answer.content.decode()
    assert OrganizationPhone.objects.filter(pk=phone.pk).exists()


def test_deleting_says_what_goes_and_leaves_the_audit(browse, steward, phone):
    phone.metrics.create(event="connected")
    phone.metrics.create(event="disconnected")
    client = browse(steward)
    body = client.get(delete(phone)).content.decode()
    assert "Events of their history: 2" in body
    assert client.post(delete(phone), {"post": "yes"}).status_code == 302
    assert not OrganizationPhone.objects.exists()
    entry = AuditEntry.objects.get(verb="delete_phone")
    assert (entry.number, entry.phone, entry.user) == ("77054810862", None, steward)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_stewards_change_phones(role, browse, organization, phone):
    client = browse(make_user(organization, role))
    assert client.get(change(phone)).status_code == 200
    data = {"phone_number": "77054810000", "initial-phone_number": "77054810862"}
    assert client.post(change(phone), data).status_code == 403
    assert client.get(ADD).status_code == 403
    assert client.post(delete(phone), {"post": "yes"}).status_code == 403
    phone.refresh_from_db()
    assert phone.phone_number == "77054810862"


def test_a_phone_does_not_move_to_another_organization(
    browse, superuser, phone, stranger
):
    client = browse(superuser)
    elsewhere = stranger.memberships.get().organization_id
    client.post(
        change(phone), filled_in(client, change(phone)) | {"organization": elsewhere}
    )
    phone.refresh_from_db()
    assert phone.organization_id != elsewhere


def test_the_lease_is_locked_while_the_answer_is_used(phone, host, django_db_blocker):
    """why_busy reads the lease FOR UPDATE, where the database has such a thing."""
    from django.test.utils import CaptureQueriesContext

    from phones.admin.guards import why_busy

    PhoneLease.objects.create(phone=phone)
    with CaptureQueriesContext(connection) as queries:
        assert why_busy(phone) == ""
    locking = [q["sql"] for q in queries if "FOR UPDATE" in q["sql"]]
    assert bool(locking) == connection.features.has_select_for_update
