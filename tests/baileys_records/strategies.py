"""Hypothesis strategies: sessions as the Go library writes them, and damage."""

from __future__ import annotations

import base64
import copy
import json

from hypothesis import strategies as st

from sessions.baileys.fields import KEY_TYPE, public_of

UINT32 = st.integers(0, 2**32 - 1)
COUNTERS = st.integers(0, 2**31)  # of messages in one chain
SECRETS = st.binary(min_size=32, max_size=32)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=40)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner)
    ),
    max_leaves=6,
)


def text(content):
    return base64.b64encode(content).decode("ascii")


@st.composite
def public_keys(draw):
    return text(KEY_TYPE + draw(SECRETS))


@st.composite
def chains(draw):
    """A receiving chain without skipped messages; one that ended may have no key."""
    key = draw(st.none() | SECRETS)
    return {
        "SenderRatchetKeyPublic": draw(public_keys()),
        "SenderRatchetKeyPrivate": None,
        "ChainKey": {"Key": key and text(key), "Index": draw(COUNTERS)},
        "MessageKeys": [],
    }


@st.composite
def go_sessions(draw, identity, registration_id):
    """A record of a session that was answered, in the library's own order of fields."""
    private = draw(SECRETS)
    received = draw(
        st.lists(
            chains(),
            min_size=1,
            max_size=5,
            unique_by=lambda chain: chain["SenderRatchetKeyPublic"],
        )
    )
    state = {
        "LocalIdentityPublic": text(KEY_TYPE + identity),
        "LocalRegistrationID": registration_id,
        "NeedsRefresh": False,
        "PendingKeyExchange": None,
        "PendingPreKey": None,
        "PreviousCounter": draw(UINT32),
        "ReceiverChains": received,
        "RemoteIdentityPublic": draw(public_keys()),
        "RemoteRegistrationID": draw(UINT32),
        "RootKey": text(draw(SECRETS)),
        "SenderBaseKey": draw(public_keys()),
        "SenderChain": {
            "SenderRatchetKeyPublic": text(KEY_TYPE + public_of(private)),
            "SenderRatchetKeyPrivate": text(private),
            "ChainKey": {"Key": text(draw(SECRETS)), "Index": draw(COUNTERS)},
            "MessageKeys": [],
        },
        "SessionVersion": 3,
    }
    record = {"SessionState": state, "PreviousStates": []}
    return json.dumps(record, separators=(",", ":")).encode()


@st.composite
def damaged(draw, rows):
    """A copy of the rows in which one place, at any depth, holds something else."""
    rows = copy.deepcopy(rows)
    inside, place = rows, draw(st.sampled_from(sorted(rows)))
    while isinstance(inside[place], dict | list) and inside[place] and draw(DEEPER):
        inside = inside[place]
        places = sorted(inside) if isinstance(inside, dict) else range(len(inside))
        place = draw(st.sampled_from(list(places)))
    if isinstance(inside, dict) and draw(st.booleans()):
        del inside[place]
    else:
        inside[place] = draw(JSON)
    return rows


DEEPER = st.sampled_from([True, True, True, False])
