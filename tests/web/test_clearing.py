"""Clear auth in the admin: what is said first, for whom, and how far it is."""

from __future__ import annotations

import pytest

from phones.models import AuditEntry, OrganizationPhone, Role, Status
from sessions.models import BaileysAuth, PhoneRequest
from tests.factories import make_organization, make_phone, make_user

LIST = "/admin/phones/organizationphone/"
EVERYTHING = f"{LIST}clear/"
Result = PhoneRequest.Result


def of_phone(phone):
    return f"{LIST}{phone.pk}/clear/"


def of_organization(organization):
    return f"/admin/phones/organization/{organization.pk}/clear/"


def fill(phone, *keys):
    for key in keys or ("creds", "pre-key-1", "pre-key-2"):
        BaileysAuth.objects.create(
            organization_id=phone.organization_id,
            phone_jid=phone.auth_key,
            key=key,
            value="x" * 100,
        )


def asked():
    return {request.phone_id for request in PhoneRequest.objects.filter(kind="clear")}


def text_of(answer):
    return answer.content.decode()


# One phone


def test_a_confirmation_names_what_goes(browse, steward, phone, host):
    fill(phone)
    host.connect(phone)
    text = text_of(browse(steward).get(of_phone(phone)))
    assert "All 3 rows" in text
    assert "device (1), prekeys (2)" in text
    assert "for 7 days" in text
    assert "30 at most" in text
    assert "lists the device until" in text
    assert "logged out" in text


def test_a_dead_server_is_named_as_no_obstacle(browse, steward, phone, host, settings):
    host.connect(phone)
    host.die()
    text = text_of(browse(steward).get(of_phone(phone)))
    assert "cannot hold it up" in text
    seconds = settings.WHATSAPP_LEASE_TTL.total_seconds()
    assert f"after {seconds:.0f} seconds" in text


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        (Status.CONNECTED, True),
        (Status.UNPROVEN, True),
        (Status.DISCONNECTED, False),
        (Status.STOPPED, False),
    ],
)
def test_a_connected_phone_can_be_logged_out_first(
    status, offered, browse, steward, phone, host
):
    host.report(phone, status, linked=True)
    text = text_of(browse(steward).get(of_phone(phone)))
    assert ('name="log_out"' in text) == offered


def test_nothing_is_logged_out_through_a_dead_server(browse, steward, phone, host):
    host.connect(phone)
    host.die()
    assert 'name="log_out"' not in text_of(browse(steward).get(of_phone(phone)))


@pytest.mark.parametrize("ticked", [True, False])
def test_the_tick_goes_with_the_request(ticked, browse, steward, phone, host):
    host.connect(phone)
    data = {"log_out": "yes"} if ticked else {}
    browse(steward).post(of_phone(phone), data)
    assert PhoneRequest.objects.get().payload == ({"log_out": True} if ticked else {})


def test_a_page_sees_its_clear_through(
    browse, steward, fleet, django_capture_on_commit_callbacks
):
    """Where no host does it, the web process does after the answer."""
    client = browse(steward)
    for address, data in (
        (of_phone(fleet[0]), {}),
        (of_organization(fleet[0].organization), {"word": "Acme"}),
    ):
        with django_capture_on_commit_callbacks() as callbacks:
            client.post(address, data)
        (callback,) = callbacks
        assert callback.__self__.name == "stand-in"


# Several phones


def choose(client, phones, **extra):
    data = {
        "action": "clear_several",
        "_selected_action": [phone.pk for phone in phones],
        **extra,
    }
    return client.post(LIST, data, follow=True)


def test_several_phones_are_cleared_behind_one_confirmation(browse, steward, fleet):
    client = browse(steward)
    answer = choose(client, fleet[:2])
    assert "Clear the keys of 2 phones?" in text_of(answer)
    assert 'name="log_out"' in text_of(answer)
    assert not asked()
    answer = choose(client, fleet[:2], confirmed="yes", log_out="yes")
    assert asked() == {phone.pk for phone in fleet[:2]}
    assert all(request.payload["log_out"] for request in PhoneRequest.objects.all())
    assert AuditEntry.objects.filter(verb="clear", user=steward).count() == 2
    assert answer.request["PATH_INFO"] == f"{LIST}clearing/"
    assert "Clearing the keys of 2 phones" in text_of(answer)


def test_without_the_tick_nobody_is_logged_out(browse, steward, fleet):
    choose(browse(steward), fleet[:2], confirmed="yes")
    assert all(request.payload == {} for request in PhoneRequest.objects.all())


def test_the_action_is_for_stewards(browse, operator, fleet):
    client = browse(operator)
    assert "clear_several" not in text_of(client.get(LIST))
    choose(client, fleet, confirmed="yes")
    assert not asked()


def test_phones_where_one_is_no_steward_are_left_out(browse, steward, fleet):
    other = make_organization(name="Where steward only operates")
    other.memberships.create(user=steward, role=Role.OPERATOR)
    theirs = make_phone(other)
    client = browse(steward)
    assert "left out" in text_of(choose(client, [fleet[0], theirs]))
    choose(client, [fleet[0], theirs], confirmed="yes")
    assert asked() == {fleet[0].pk}


def test_a_foreign_phone_cannot_be_chosen(browse, stranger, fleet):
    choose(browse(stranger), fleet, confirmed="yes")
    assert not asked()


# An organization


@pytest.mark.parametrize("role", list(Role))
def test_an_organization_is_cleared_by_its_stewards(role, browse, organization, fleet):
    client = browse(make_user(organization, role))
    may = role == Role.STEWARD
    page = f"/admin/phones/organization/{organization.pk}/change/"
    address = of_organization(organization)
    assert (address in text_of(client.get(page))) == may
    assert client.get(address).status_code == (200 if may else 403)
    answer = client.post(address, {"word": organization.name})
    assert answer.status_code == (302 if may else 403)
    assert asked() == ({phone.pk for phone in fleet[:2]} if may else set())


def test_its_name_must_be_typed(browse, steward, organization, fleet):
    client = browse(steward)
    for word in ("", "yes", "all", "Acm", "Acme Ltd"):
        answer = client.post(of_organization(organization), {"word": word})
        assert "Nothing was cleared" in text_of(answer), word
    assert not asked()
    client.post(of_organization(organization), {"word": " acme "})
    assert asked() == {phone.pk for phone in fleet[:2]}


def test_only_phones_with_keys_are_asked(browse, steward, organization, fleet):
    """Linked ones, running ones, and those whose rows were left in the table."""
    fill(fleet[2], "creds")
    client = browse(steward)
    text = text_of(client.get(of_organization(organization)))
    assert "Clear the keys of 3 phones?" in text
    assert str(fleet[3]) not in text
    client.post(of_organization(organization), {"word": "Acme"})
    assert asked() == {phone.pk for phone in fleet[:3]}


def test_an_organization_without_keys_says_so(browse, steward, organization, phone):
    client = browse(steward)
    text = text_of(client.get(of_organization(organization)))
    assert "There is nothing to clear" in text
    assert 'name="word"' not in text


def test_another_organization_does_not_exist(browse, stranger, organization, fleet):
    client = browse(stranger)
    assert client.get(of_organization(organization)).status_code == 404
    answer = client.post(of_organization(organization), {"word": "Acme"})
    assert answer.status_code == 404
    assert not asked()


# Everything


@pytest.fixture
def everywhere(fleet, host):
    """A linked phone of another organization besides."""
    return host.connect(make_phone(make_organization(name="Bakery")))


def test_everything_is_for_superusers(browse, steward, superuser, everywhere):
    client = browse(steward)
    assert EVERYTHING not in text_of(client.get(LIST))
    assert client.get(EVERYTHING).status_code == 403
    assert client.post(EVERYTHING, {"word": "all"}).status_code == 403
    assert not asked()
    client = browse(superuser)
    assert EVERYTHING in text_of(client.get(LIST))
    assert "every phone of every organization" in text_of(
        client.get(EVERYTHING)
    ).replace("Every", "every")


def test_the_word_must_be_typed(browse, superuser, everywhere, fleet):
    client = browse(superuser)
    for word in ("", "yes", "everything", "all of it"):
        assert client.post(EVERYTHING, {"word": word}).status_code == 200
    assert not asked()
    answer = client.post(EVERYTHING, {"word": "ALL"}, follow=True)
    assert asked() == {fleet[0].pk, fleet[1].pk, everywhere.pk}
    assert AuditEntry.objects.filter(verb="clear", user=superuser).count() == 3
    assert "Clearing the keys of 3 phones" in text_of(answer)


def test_many_phones_are_listed_in_part_and_cleared_in_whole(browse, superuser):
    organization = make_organization(name="Large")
    OrganizationPhone.objects.bulk_create(
        OrganizationPhone(
            organization=organization,
            phone_number=f"7701{n:07}",
            status=Status.STOPPED,
        )
        for n in range(130)
    )
    client = browse(superuser)
    text = text_of(client.get(EVERYTHING))
    assert "and 80 more phones" in text
    answer = client.post(EVERYTHING, {"word": "all"}, follow=True)
    assert len(asked()) == 130
    assert "Clearing the keys of 130 phones" in text_of(answer)
