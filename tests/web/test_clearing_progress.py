"""How far a clear of several phones is, as its page shows it."""

from __future__ import annotations

import pytest

from phones.models import Organization, Role
from sessions import verbs
from sessions.models import PhoneRequest
from tests.factories import make_phone
from tests.web.test_clearing import LIST, choose, of_organization, text_of

Result = PhoneRequest.Result


@pytest.fixture
def under_way(browse, steward, organization, host):
    """Four clears: done, being done, waiting, failed; the page's address."""
    phones = [host.connect(make_phone(organization)) for _ in range(4)]
    client = browse(steward)
    answer = client.post(of_organization(organization), {"word": "Acme"})
    requests = [PhoneRequest.objects.get(phone=phone) for phone in phones]
    requests[0].close(Result.DONE)
    requests[1].claim(epoch=1)
    requests[3].close(Result.FAILED, error="The disk is full.")
    return client, answer["Location"], requests


def counts(answer):
    return {part.name: part.count for part in answer.context["parts"]}


def test_the_progress_counts_each_state(under_way):
    client, address, _requests = under_way
    answer = client.get(address)
    assert counts(answer) == {"done": 1, "working": 1, "waiting": 1, "failed": 1}
    text = text_of(answer)
    assert "data-refresh" in text
    assert "The disk is full." in text
    assert "cleared: 1, being cleared: 1" in text  # for readers without eyes
    assert [part.start for part in answer.context["parts"]] == [0, 25, 50, 75]


def test_the_page_rests_when_all_are_done(under_way):
    client, address, requests = under_way
    for request in requests:
        request.close(Result.DONE)
    PhoneRequest.objects.update(result=Result.DONE)
    text = text_of(client.get(address))
    assert "The keys of all 4 phones are cleared" in text
    assert "Linked devices" in text
    assert "data-refresh" not in text


def test_a_second_clear_is_counted_apart(under_way, fleet, steward):
    client, address, _requests = under_way
    choose(client, fleet[:2], confirmed="yes")
    assert client.get(address).context["total"] == 4


def test_a_clear_that_was_joined_is_shown_to_both(browse, steward, superuser, fleet):
    verbs.clear(fleet[0], superuser)
    answer = choose(browse(steward), fleet[:1], confirmed="yes")
    assert answer.context["total"] == 1


@pytest.mark.parametrize(
    "query", ["", "?after=0", "?after=x&to=y", f"?after=0&to={'9' * 40}", "?to=-1"]
)
def test_an_odd_address_shows_nothing(query, browse, steward):
    answer = browse(steward).get(f"{LIST}clearing/{query}")
    assert answer.context["total"] == 0
    assert "Nothing is being cleared" in text_of(answer)


def test_nobody_reads_of_anothers_clear(under_way, browse, superuser):
    _client, address, _requests = under_way
    assert browse(superuser).get(address).context["total"] == 0


def test_who_lost_the_role_reads_nothing(under_way, steward, organization):
    client, address, _requests = under_way
    steward.memberships.update(role=Role.OPERATOR)
    assert client.get(address).status_code == 403
    other = Organization.objects.create(name="Still steward here")
    other.memberships.create(user=steward, role=Role.STEWARD)
    assert client.get(address).context["total"] == 0
