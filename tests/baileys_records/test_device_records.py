"""The device itself, its prekeys, app state and groups, in both directions."""

from __future__ import annotations

import base64
import json
import random

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions.baileys.buffer_json import loads
from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.to_whatsmeow import NotConvertible, convert
from tests.baileys_records.made_up import NUMBER, made_up_phone
from tests.baileys_records.made_up_signal import pair_row, pooled, sender_key_record

OWN_LID = "188877766655544"
GROUP = "120363041234567890@g.us"


def table(conversion, name):
    return [row for found, row in conversion.rows if found == f"whatsmeow_{name}"]


def prekeys(conversion):
    return {row["key_id"]: row["uploaded"] for row in table(conversion, "pre_keys")}


def with_prekeys(ids, *, first_new, following):
    phone = made_up_phone(sessions=0, prekeys=0)
    phone.rows |= {f"pre-key-{one}": pair_row(pooled(one)) for one in ids}
    phone.rows["creds"]["firstUnuploadedPreKeyId"] = first_new
    phone.rows["creds"]["nextPreKeyId"] = following
    return phone


# -- prekeys --------------------------------------------------------------------------


def test_prekeys_keep_their_ids_and_whether_they_are_uploaded():
    conversion = convert(with_prekeys([2, 4, 5], first_new=5, following=6), lid_map={})
    assert prekeys(conversion) == {2: 1, 4: 1, 5: 0}


def test_a_last_prekey_that_is_used_up_does_not_let_ids_repeat():
    phone = with_prekeys([1, 2], first_new=31, following=31)
    conversion = convert(phone, lid_map={}, random_bytes=lambda size: b"r" * size)
    assert prekeys(conversion) == {1: 1, 2: 1, 31: 0}
    assert table(conversion, "pre_keys")[-1]["key"] == b"r" * 32


def test_a_prekey_whose_halves_do_not_fit_is_lost():
    phone = with_prekeys([1, 2], first_new=3, following=3)
    phone.rows["pre-key-1"]["public"] = pooled(9).public
    conversion = convert(phone, lid_map={})
    assert prekeys(conversion) == {2: 1}
    assert conversion.lost == {"pre-key": 1}


@pytest.mark.parametrize(
    ("uploaded", "counters"),
    [
        ({1: 1, 2: 1}, (3, 3)),
        ({1: 1, 2: 0, 3: 0}, (2, 4)),
        # Baileys would stumble over the gap.
        ({1: 1, 2: 0, 4: 0, 5: 0}, (4, 6)),
        ({812: 1, 2812: 0}, (2812, 2813)),
        ({}, (1, 1)),
    ],
)
def test_baileys_counts_only_an_unbroken_run_as_new(uploaded, counters):
    phone = made_up_phone(sessions=0, prekeys=0)
    device, *others = convert(phone, lid_map={}).rows
    jid = device[1]["jid"]
    rows = [device, *(row for row in others if row[0] != "whatsmeow_pre_keys")]
    rows += [
        (
            "whatsmeow_pre_keys",
            {"jid": jid, "key_id": one, "key": pooled(one).private, "uploaded": flag},
        )
        for one, flag in uploaded.items()
    ]
    back = convert_back(rows, base=None).rows
    creds = back["creds"]
    assert (creds["firstUnuploadedPreKeyId"], creds["nextPreKeyId"]) == counters
    for one in uploaded:
        assert back[f"pre-key-{one}"] == pair_row(pooled(one))


# -- groups ---------------------------------------------------------------------------


def test_a_sender_key_comes_back_with_the_keys_of_late_messages():
    record = sender_key_record(random.Random(1))
    key = f"sender-key-{GROUP}::199988877766655::3"
    phone = made_up_phone(sessions=0, sender_keys=0)
    phone.rows[key] = record
    conversion = convert(phone, lid_map={})
    (row,) = table(conversion, "sender_keys")
    assert (row["chat_id"], row["sender_id"]) == (
        GROUP.encode(),
        b"199988877766655_1:3",
    )
    back = convert_back(conversion.rows, base=None).rows
    assert json.loads(back[key]) == json.loads(record)


def test_a_multi_file_store_writes_dashes_for_colons():
    phone = made_up_phone(sessions=0, sender_keys=0)
    record = sender_key_record(random.Random(1))
    phone.rows["sender-key-7705123-1400000000@g.us--77012345678--0"] = record
    (row,) = table(convert(phone, lid_map={}), "sender_keys")
    assert row["chat_id"] == b"7705123-1400000000@g.us"
    assert row["sender_id"] == b"77012345678:0"


def test_states_of_one_sender_are_put_together_newest_first():
    first, second = (loads(sender_key_record(random.Random(seed))) for seed in (1, 2))
    phone = made_up_phone(sessions=0, sender_keys=0)
    by_number, by_lid = f"{GROUP}::77012345678::0", f"{GROUP}::199988877766655::0"
    phone.rows[f"sender-key-{by_number}"] = first
    phone.rows[f"sender-key-{by_lid}"] = [*first, *second]
    conversion = convert(phone, lid_map={"77012345678": "199988877766655"})
    (row,) = table(conversion, "sender_keys")
    ids = [state["KeyID"] for state in json.loads(row["sender_key"])["SenderKeyStates"]]
    assert ids == [second[0]["senderKeyId"], first[0]["senderKeyId"]]


def test_our_own_sender_keys_go_nowhere():
    phone = made_up_phone(sessions=0, sender_keys=1)
    conversion = convert(phone, lid_map={})
    assert not any(
        row["sender_id"].startswith(NUMBER.encode())
        for row in table(conversion, "sender_keys")
    )
    assert not conversion.lost
    back = convert_back(conversion.rows, base=phone.rows).rows
    assert not any(key.startswith("sender-key-memory") for key in back)


# -- app state ------------------------------------------------------------------------


def test_app_state_keys_come_back_and_the_newest_is_named():
    phone = made_up_phone(sessions=0, app_state_keys=2)
    conversion = convert(phone, lid_map={})
    back = convert_back(conversion.rows, base=None).rows
    named = [key for key in phone.rows if key.startswith("app-state-sync-key-")]
    assert len(named) == 2
    for key in named:
        was, became = phone.rows[key], back[key]
        assert became["keyData"] == base64.b64decode(was["keyData"])
        assert became["timestamp"] == int(was["timestamp"])
        assert became["fingerprint"] == was["fingerprint"]
    assert f"app-state-sync-key-{back['creds']['myAppStateKeyId']}" in named


def collection(jid, *, right):
    """A collection of one record that was changed once; the older MAC is kept."""
    rows = [
        (
            "whatsmeow_app_state_mutation_macs",
            {
                "jid": jid,
                "name": b"regular",
                "version": version,
                "index_mac": b"i" * 32,
                "value_mac": mac * 32,
            },
        )
        for version, mac in ((3, b"o"), (4, b"n"))
    ]
    version = {"jid": jid, "name": b"regular", "version": 4, "hash": bytes(128)}
    if right:
        version["hash"] = hash_of(b"n" * 32)
    return [("whatsmeow_app_state_version", version), *rows]


def hash_of(mac):
    """The LT-hash of one record, by another implementation of HKDF."""
    hkdf = HKDF(SHA256(), 128, salt=None, info=b"WhatsApp Patch Integrity")
    return hkdf.derive(mac)


@pytest.mark.parametrize("right", [True, False])
def test_a_collection_goes_back_only_if_it_adds_up(right):
    phone = made_up_phone(sessions=0)
    rows = convert(phone, lid_map={}).rows
    rows += collection(rows[0][1]["jid"], right=right)
    back = convert_back(rows, base=None)
    found = back.rows.get("app-state-sync-version-regular")
    if not right:
        assert found is None
        assert back.lost["app-state-sync-version"] == 1
        return
    index = base64.b64encode(b"i" * 32).decode()
    assert found["version"] == 4
    assert found["indexValueMap"] == {index: {"valueMac": b"n" * 32}}


# -- creds ----------------------------------------------------------------------------


@pytest.mark.parametrize("hosted", [False, True])
def test_creds_come_back_as_they_were(hosted):
    phone = made_up_phone(lid=OWN_LID, hosted=hosted)
    rows = convert(phone, lid_map={}).rows
    creds = convert_back(rows, base=phone.rows).rows["creds"]
    was = phone.rows["creds"]
    account = {name: base64.b64decode(text) for name, text in was["account"].items()}
    assert creds == was | {"account": account}


def test_without_the_imported_creds_baileys_starts_with_fresh_ones():
    phone = made_up_phone(lid=OWN_LID)
    rows = convert(phone, lid_map={}).rows
    creds = convert_back(rows, base=None).rows["creds"]
    was = phone.rows["creds"]
    for name in ("noiseKey", "signedIdentityKey", "signedPreKey", "me", "platform"):
        assert creds[name] == was[name]
    assert creds["registered"] is True
    assert "routingInfo" not in creds


def test_rows_of_another_link_are_no_base():
    phone, other = made_up_phone(lid=OWN_LID), made_up_phone(device=13)
    rows = convert(phone, lid_map={}).rows
    back = convert_back(rows, base=other.rows)
    assert back.lost["message-key"] > 0
    assert "routingInfo" not in back.rows["creds"]


@pytest.mark.parametrize("count", [0, 2])
def test_only_a_store_of_one_device_goes_back(count):
    rows = convert(made_up_phone(), lid_map={}).rows
    device = [row for row in rows if row[0] == "whatsmeow_device"]
    with pytest.raises(NotConvertible) as refusal:
        convert_back(device * count + rows[1:], base=None)
    assert refusal.value.finding.check == {0: "w06", 2: "w07"}[count]
