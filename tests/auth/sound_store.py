"""A store of a phone that was linked long ago and talks, to be damaged by tests."""

from __future__ import annotations

import base64
import json
import os

from sessions.auth.app_state import WORDS, _expanded
from tests.auth.core import Core

NUMBER = "77054810862"
OWN = "188877766655544_1:0"  # the phone itself, by its LID
CONTACT = "188877766655000_1:0"
STATE = "SessionState"


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def remote_of(session: bytes) -> bytes:
    return base64.b64decode(json.loads(session)[STATE]["RemoteIdentityPublic"])[1:]


class Sound(Core):
    """A phone that was linked long ago and talks: everything there is, in order."""

    def fill(self) -> None:
        self.pair()
        self.make_prekeys(30)
        self.put_identity(OWN, self.device.row()["adv_account_sig_key"])
        self.put_identity(CONTACT, remote_of(self.put_session(CONTACT)))
        own = altered(
            self.device.session(),
            "RemoteIdentityPublic",
            value=text(b"\x05" + self.device.row()["adv_account_sig_key"]),
        )
        self.put_session(OWN, own)
        self.insert(
            "whatsmeow_sender_keys",
            our_jid=self.device.jid,
            chat_id="1203630@g.us",
            sender_id=CONTACT,
            sender_key=sender_key(),
        )
        self.insert(
            "whatsmeow_app_state_sync_keys",
            jid=self.device.jid,
            key_id=b"\x00\x01",
            key_data=os.urandom(32),
            timestamp=1,
            fingerprint=b"\x08\x01",
        )
        self.put_app_state("regular", [os.urandom(32) for _ in range(3)])

    def put_identity(self, address: str, identity: bytes) -> None:
        self.insert(
            "whatsmeow_identity_keys",
            our_jid=self.device.jid,
            their_id=address,
            identity=identity,
        )

    def put_app_state(self, name: str, macs: list[bytes]) -> None:
        words = [sum(row) & 0xFFFF for row in zip(*map(expanded, macs), strict=True)]
        of = {"jid": self.device.jid, "name": name, "version": 2}
        self.insert("whatsmeow_app_state_version", **of, hash=WORDS.pack(*words))
        for mac in macs:
            self.insert(
                "whatsmeow_app_state_mutation_macs",
                **of,
                index_mac=os.urandom(32),
                value_mac=mac,
            )


def expanded(mac: bytes) -> tuple[int, ...]:
    return WORDS.unpack(_expanded(mac))


def sender_key(**changes: object) -> bytes:
    state = {
        "Keys": [],
        "KeyID": 1,
        "SenderChainKey": {"Iteration": 0, "ChainKey": text(bytes(32))},
        "SigningKeyPublic": text(b"\x05" + bytes(32)),
        "SigningKeyPrivate": None,
    }
    return json.dumps({"SenderKeyStates": [{**state, **changes}]}).encode()


def altered(session: bytes, *path: str, value: object) -> bytes:
    record = json.loads(session)
    place = record[STATE]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(record).encode()
