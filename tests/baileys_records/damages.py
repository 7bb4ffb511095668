"""Ways in which sound rows break, by the check that has to find them."""

from __future__ import annotations

import base64
import json
import random
from datetime import timedelta

from sessions.baileys.source import SourcePhone
from sessions.sandbox.keys import SIGNAL_TYPE
from tests.baileys_records.made_up import (
    LINKED_AT,
    NUMBER,
    account,
    made_up_phone,
    own_pair,
)
from tests.baileys_records.made_up_signal import empty_app_state, session_record

OTHER = "4915112345678"
SESSION = "session-77010000000.0"
SENDER_KEY = "sender-key-120363040000000000@g.us::77010000000::0"
DAMAGE = {}


def damages(check):
    """The function damages a sound phone so that this check finds it, and only this."""

    def noted(function):
        DAMAGE.setdefault(check, []).append(function)
        return function

    return noted


def sound():
    return made_up_phone(sessions=8, prekeys=10, lid="188877766655544")


def creds_of(phone: SourcePhone) -> dict:
    return phone.rows["creds"]


def open_state(phone: SourcePhone, key: str = SESSION) -> dict:
    states = phone.rows[key]["_sessions"].values()
    return next(one for one in states if one["indexInfo"]["closed"] == -1)


def another() -> SourcePhone:
    """The same number, linked another time."""
    return made_up_phone(device=13)


@damages("b01")
def without_creds(phone):
    del phone.rows["creds"]


@damages("b02")
def creds_cut_off(phone):
    del phone.rows["creds"]
    phone.unreadable["creds"] = "not JSON, or cut off"


@damages("b02")
def creds_of_another_kind(phone):
    phone.rows["creds"] = ["noiseKey"]


@damages("b03")
def creds_begun_anew(phone):
    del creds_of(phone)["me"], creds_of(phone)["account"]


@damages("b04")
def a_code_nobody_scanned(phone):
    phone.rows = {"creds": creds_of(phone)}
    del creds_of(phone)["me"], creds_of(phone)["account"]


@damages("b04")
def a_pairing_code_nobody_typed(phone):
    """Baileys writes the name when it asks for the code."""
    phone.rows = {"creds": creds_of(phone)}
    creds_of(phone)["me"] = {"id": f"{NUMBER}@s.whatsapp.net", "name": "~"}
    del creds_of(phone)["account"]


@damages("b04")
def paired_and_never_written(phone):
    phone.rows = {"creds": creds_of(phone)}
    creds_of(phone)["account"] = None


@damages("b05")
def halves_of_two_writes(phone):
    creds_of(phone)["noiseKey"]["public"] = creds_of(another())["noiseKey"]["public"]


@damages("b05")
def a_short_identity(phone):
    creds_of(phone)["signedIdentityKey"]["private"] = b"short"


@damages("b05")
def a_lost_registration_id(phone):
    del creds_of(phone)["registrationId"]


@damages("b05")
def a_short_secret(phone):
    creds_of(phone)["advSecretKey"] = "c2hvcnQ="


@damages("b05")
def an_account_without_details(phone):
    del creds_of(phone)["account"]["details"]


@damages("b06")
def a_prekey_of_another_link(phone):
    creds_of(phone)["signedPreKey"] = creds_of(another())["signedPreKey"]


@damages("b08")
def our_signature_of_another_link(phone):
    signature = creds_of(another())["account"]["deviceSignature"]
    creds_of(phone)["account"]["deviceSignature"] = signature


@damages("b09")
def rows_of_another_number(phone):
    phone.number = OTHER


@damages("b07")
def an_account_that_the_phone_did_not_sign(phone):
    rng = random.Random(1)
    creds = creds_of(phone)
    private = creds["signedIdentityKey"]["private"]
    identity = type(own_pair(rng)).from_private(private)
    forged = account(identity, own_pair(rng), LINKED_AT, 12)
    forged["accountSignature"] = creds["account"]["accountSignature"]
    creds["account"] = forged


@damages("b20")
def no_open_state(phone):
    open_state(phone)["indexInfo"]["closed"] = 1_772_400_000_000


@damages("b20")
def two_open_states(phone):
    both = phone.rows[SESSION]["_sessions"]
    both |= session_record(random.Random(2))["_sessions"]


@damages("b20")
def ratchet_keys_that_do_not_fit(phone):
    pair = open_state(phone)["currentRatchet"]["ephemeralKeyPair"]
    pair["privKey"] = base64.b64encode(bytes(32)).decode()


@damages("b20")
def a_sending_chain_without_its_key(phone):
    state = open_state(phone)
    ours = state["currentRatchet"]["ephemeralKeyPair"]["pubKey"]
    del state["_chains"][ours]["chainKey"]["key"]


@damages("b20")
def a_live_key_without_a_chain(phone):
    state = open_state(phone)
    del state["_chains"][state["currentRatchet"]["lastRemoteEphemeralKey"]]


@damages("b20")
def a_session_that_is_none(phone):
    phone.rows[SESSION] = "v1"


@damages("b20")
def a_session_of_nobody(phone):
    phone.rows["session-nobody"] = phone.rows.pop(SESSION)


@damages("b21")
def a_sender_key_that_is_cut(phone):
    phone.rows[SENDER_KEY] = phone.rows[SENDER_KEY][:40]


@damages("b21")
def a_sender_key_without_states(phone):
    phone.rows[SENDER_KEY] = b"[]"


@damages("b21")
def a_sender_key_with_a_short_chain(phone):
    (state,) = json.loads(phone.rows[SENDER_KEY])
    state["senderChainKey"]["seed"]["data"].pop()
    phone.rows[SENDER_KEY] = json.dumps([state]).encode()


@damages("b22")
def a_prekey_of_two_halves(phone):
    phone.rows["pre-key-3"]["public"] = phone.rows["pre-key-4"]["public"]


@damages("b22")
def a_prekey_without_its_private_half(phone):
    del phone.rows["pre-key-3"]["private"]


@damages("b23")
def a_new_prekey_is_missing(phone):
    creds_of(phone)["firstUnuploadedPreKeyId"] = 8
    del phone.rows["pre-key-9"]


@damages("b24")
def a_session_with_the_phone_before(phone):
    older = SIGNAL_TYPE + own_pair(random.Random(3)).public
    record = session_record(random.Random(4), remote_identity=older)
    phone.rows[f"session-{NUMBER}.0"] = record


@damages("b24")
def a_session_with_the_phone_before_by_lid(phone):
    record = session_record(random.Random(4))
    phone.rows["session-188877766655544.0"] = record


@damages("b25")
def an_app_state_key_without_bytes(phone):
    spare = dict(phone.rows["app-state-sync-key-AAD//wAA"], keyData=None)
    phone.rows["app-state-sync-key-AAD//wAB"] = spare


@damages("b26")
def creds_from_a_backup(phone):
    creds_of(phone).update(nextPreKeyId=6, firstUnuploadedPreKeyId=6)


@damages("b26")
def counters_that_cannot_be(phone):
    creds_of(phone)["firstUnuploadedPreKeyId"] = 12


@damages("b26")
def counters_that_are_gone(phone):
    del creds_of(phone)["nextPreKeyId"]


@damages("b27")
def a_row_that_is_cut(phone):
    del phone.rows[SESSION]
    phone.unreadable[SESSION] = "not JSON, or cut off"


@damages("b30")
def a_row_of_an_earlier_link(phone):
    phone.rows[SESSION] = {"broken": "but never looked at"}
    phone.updated[SESSION] = LINKED_AT - timedelta(days=1)


@damages("b31")
def few_prekeys(phone):
    for key_id in range(1, 8):
        del phone.rows[f"pre-key-{key_id}"]


@damages("b32")
def the_current_app_state_key_is_gone(phone):
    del phone.rows["app-state-sync-key-AAD//wAA"]


@damages("b33")
def an_app_state_that_does_not_add_up(phone):
    state = empty_app_state()
    state["indexValueMap"]["aW5kZXg="] = {"valueMac": bytes(32)}
    phone.rows["app-state-sync-version-regular"] = state


@damages("b34")
def a_row_of_another_program(phone):
    phone.rows["last-seen"] = 5


@damages("b35")
def creds_without_the_phone(phone):
    creds_of(phone)["signalIdentities"] = []


@damages("b36")
def a_damaged_pair_for_codes(phone):
    creds_of(phone)["pairingEphemeralKeyPair"]["public"] = bytes(32)
