from __future__ import annotations

import pytest

from sessions.sandbox.codes import REF_GRACE_SECONDS, Code, ScanError, make_refs
from sessions.sandbox.faults import Fault, Faults, Target
from sessions.sandbox.settings import Settings, SettingsError

EVERYBODY, NUMBER, DEVICE = Target(), Target("7701"), Target("7701", 2)


@pytest.mark.parametrize(
    ("target", "who", "hit"),
    [
        (EVERYBODY, ("7702", 1), True),
        (NUMBER, ("7701", 1), True),
        (NUMBER, ("7702", 1), False),
        (DEVICE, ("7701", 2), True),
        (DEVICE, ("7701", 1), False),
    ],
)
def test_whom_a_target_hits(target, who, hit):
    assert target.hits(*who) is hit


def test_a_fault_ends_with_its_time():
    faults = Faults()
    faults.add(Fault("no_success", NUMBER, until=10.0))
    assert faults.seconds_left("no_success", "7701", 1, now=4.0) == 6.0
    assert faults.seconds_left("no_success", "7702", 1, now=4.0) == 0.0
    assert faults.seconds_left("no_success", "7701", 1, now=10.0) == 0.0
    assert faults.describe(10.0) == []


def test_a_refusal_wears_off_after_its_times():
    faults = Faults()
    faults.add(Fault("refuse_login", NUMBER, None, {"code": 402, "times": 2}))
    assert faults.refuses("7701", 402)
    assert not faults.refuses("7701", 403)
    assert faults.take("refuse_login", "7702", 1, 0.0) is None
    assert faults.take("refuse_login", "7701", 1, 0.0)["code"] == 402
    assert faults.take("refuse_login", "7701", 1, 0.0)["code"] == 402
    assert faults.take("refuse_login", "7701", 1, 0.0) is None


def test_the_newest_fault_counts_and_a_new_one_replaces_its_like():
    faults = Faults()
    faults.add(Fault("late_acks", EVERYBODY, None, {"seconds": 1}))
    faults.add(Fault("late_acks", NUMBER, None, {"seconds": 2}))
    faults.add(Fault("late_acks", NUMBER, None, {"seconds": 3}))
    assert faults.find("late_acks", "7701", 1, 0.0) == {"seconds": 3}
    assert faults.find("late_acks", "7702", 1, 0.0) == {"seconds": 1}
    assert [fault["number"] for fault in faults.describe(0.0)] == [None, "7701"]


def test_a_fault_is_ended_for_one_or_for_all():
    faults = Faults()
    for target in (EVERYBODY, NUMBER, DEVICE):
        faults.add(Fault("mute", target, None, {"what": "all"}))
    faults.remove("mute", DEVICE)
    assert len(faults.describe(0.0)) == 2
    faults.remove("mute", EVERYBODY)
    assert faults.describe(0.0) == []


@pytest.mark.parametrize(
    ("count", "hidden_at"),
    [(6, [60, 80, 100, 120, 140, 160]), (3, [20, 40, 60]), (7, [20, 80, 100])],
)
def test_codes_are_good_for_as_long_as_clients_show_them(count, hidden_at):
    refs = list(make_refs(count, now=0.0))
    assert [ref.hidden_at for ref in refs][: len(hidden_at)] == hidden_at
    assert len({ref.text for ref in refs}) == count
    assert refs[0].expires_at == hidden_at[0] + REF_GRACE_SECONDS


@pytest.mark.parametrize(
    "text", ["", "ref", "ref,a,b", "ref,!!,!!,!!", "ref,é,AA==,AA=="]
)
def test_what_is_no_code_is_refused(text):
    with pytest.raises(ScanError, match="not a code"):
        Code.parse(text)


def test_a_code_is_read_with_or_without_its_address():
    text = "2@ref,bm9pc2U=,aWRlbnRpdHk=,c2VjcmV0,1"
    code = Code("2@ref", b"noise", b"identity", b"secret")
    assert Code.parse(text) == code
    assert Code.parse(f"https://wa.me/settings/linked_devices#{text}") == code


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"qr": 1}, "no setting 'qr'"),
        ({"qr_window_seconds": "1"}, "needs a number"),
        ({"qr_window_seconds": True}, "needs a number"),
        ({"server_pause_ms": -1}, "out of range"),
        ({"refs": 0}, "from 1 to 20"),
        ({"refs": 1.5}, "from 1 to 20"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(changes, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Settings().changed(changes)


def test_settings_change_one_by_one():
    settings = Settings().changed({"refs": 3}).changed({"qr_window_seconds": 1.5})
    assert (settings.refs, settings.qr_window_seconds) == (3, 1.5)
