"""Events as the session process sends them; one row per signal of the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sessions.policy.finding import Context, Finding

NOW = datetime(2026, 11, 22, 14, 0, 0, tzinfo=UTC)
AT = NOW.timestamp()
NUMBER = "77054810862"
JID = f"{NUMBER}:12@s.whatsapp.net"


def line(event, **fields):
    return {"event": event, "at": AT, **fields}


def log(text, *, level="WARNING", age=1.0, logger="whatsmeow.Client"):
    return line("log", level=level, logger=logger, line=text) | {"at": AT - age}


def raised(text):
    return line("connect_raised", text=text)


def context(*logs, **known):
    return Context(now=NOW, last_log_lines=tuple(logs), **known)


def before(cause, code=None, seconds=1):
    return Finding(cause, code, "stream error", NOW - timedelta(seconds=seconds))


NOTHING = context()
ONLINE = context(connected_at=NOW - timedelta(hours=2))
PAIRED_NOW = context(paired_at=NOW - timedelta(seconds=119))
PAIRED_BEFORE = context(paired_at=NOW - timedelta(seconds=121))

SIGNALS = [
    # U: logged out
    (line("logged_out", on_connect=False, reason="LOGGED_OUT"), ONLINE, "u1", 401),
    (line("logged_out", on_connect=True, reason="LOGGED_OUT"), NOTHING, "u2", 401),
    (
        line("logged_out", on_connect=True, reason="MAIN_DEVICE_GONE"),
        NOTHING,
        "u3",
        403,
    ),
    (line("logged_out", on_connect=True, reason="UNKNOWN_LOGOUT"), NOTHING, "u4", 406),
    (line("logged_out", on_connect=False, reason="LOGGED_OUT"), PAIRED_NOW, "u5", 401),
    (line("logged_out", on_connect=True, reason="LOGGED_OUT"), PAIRED_NOW, "u5", 401),
    (
        line("logged_out", on_connect=False, reason="LOGGED_OUT"),
        PAIRED_BEFORE,
        "u1",
        401,
    ),
    (
        line("logged_out", on_connect=True, reason="UNKNOWN_LOGOUT"),
        PAIRED_NOW,
        "u4",
        406,
    ),
    (line("logged_out", on_connect=False, reason="SOMETHING_NEW"), ONLINE, "u1", 401),
    # B: temporary bans
    (line("temporary_ban", code=101, expire=3600), NOTHING, "b1", 402),
    (line("temporary_ban", code=102, expire=3600), NOTHING, "b2", 402),
    (line("temporary_ban", code=103, expire=3600), NOTHING, "b3", 402),
    (line("temporary_ban", code=104, expire=3600), NOTHING, "b4", 402),
    (line("temporary_ban", code=106, expire=3600), NOTHING, "b5", 402),
    (line("temporary_ban", code=107, expire=0), NOTHING, "b6", 402),
    (
        raised("proto:\u00a0required field neonize.TemporaryBan.Code not set"),
        NOTHING,
        "b6",
        402,
    ),
    # R, O, F: refused
    (line("stream_replaced"), ONLINE, "r1", 440),
    (line("client_outdated"), NOTHING, "o1", 405),
    (line("login_status", status="err-client-outdated"), NOTHING, "o1", 405),
    (line("connect_failure", code=400, message=""), NOTHING, "f1", 400),
    (line("connect_failure", code=409, message="bad"), NOTHING, "f1", 409),
    (line("connect_failure", code=501, message=""), NOTHING, "f1", 501),
    (line("connect_failure", code=418, message=""), NOTHING, "f2", 418),
    (line("connect_failure", code=503, message=""), NOTHING, "f3", 503),
    (line("connect_failure", code=405, message=""), NOTHING, "o1", 405),
    (
        raised("proto: required field neonize.ConnectFailure.Reason not set"),
        NOTHING,
        "f2",
        None,
    ),
    (
        line("disconnected"),
        context(log('Got <failure reason="500"/>, assuming automatic reconnect')),
        "f3",
        500,
    ),
    (
        line("disconnected"),
        context(log("Got 503 connect failure, assuming automatic reconnect")),
        "f3",
        503,
    ),
    # S: stream errors
    (
        log("Failed to reconnect after 515 code: dial", level="ERROR"),
        NOTHING,
        "s1",
        515,
    ),
    (line("stream_error", code="515", tag=""), ONLINE, "s1", 515),
    (
        line("connected"),
        context(
            log("Got 515 code, reconnecting...", level="INFO"),
            connected_at=NOW - timedelta(minutes=1),
        ),
        "s1",
        515,
    ),
    (line("disconnected"), context(log("Got 503 stream error")), "s2", 503),
    (line("stream_error", code="503", tag=""), ONLINE, "s2", 503),
    (line("stream_error", code="516", tag=""), ONLINE, "s3", 516),
    (line("stream_error", code="500", tag=""), ONLINE, "s3", 500),
    (line("stream_error", code="", tag="xml-not-well-formed"), ONLINE, "s4", 500),
    (line("disconnected"), context(previous=before("s3", 516)), "s3", 516),
    (line("disconnected"), context(previous=before("s4", 500)), "s4", 500),
    # N: the network
    (line("disconnected"), ONLINE, "n1", 428),
    (line("disconnected"), context(log("Got 503 stream error", age=9)), "n1", 428),
    (line("disconnected"), context(previous=before("s3", 516, 60)), "n1", 428),
    (line("disconnected"), context(previous=before("n2", 408)), "n1", 428),
    (
        line("keepalive_timeout", error_count=2, last_success=AT - 70),
        ONLINE,
        "n2",
        408,
    ),
    (
        line("connected"),
        context(connected_at=NOW - timedelta(hours=2), previous=before("n2", 408)),
        "n2",
        408,
    ),
    (line("connected"), ONLINE, "n1", 428),
    (raised("failed to dial whatsapp: EOF"), NOTHING, "n3", 408),
    (raised("noise handshake failed: EOF"), NOTHING, "n3", 408),
    (raised("timed out waiting for handshake response"), NOTHING, "n3", 408),
    # Q: linking
    (line("login_status", status="timeout"), NOTHING, "q1", 408),
    (line("login_status", status="error"), NOTHING, "q2", None),
    (line("login_status", status="err-unexpected-state"), NOTHING, "q2", None),
    (line("login_status", status="err-of-tomorrow"), NOTHING, "q2", None),
    (line("pair_status", status="ERROR", error="hmac mismatch"), NOTHING, "q2", None),
    (
        line("login_status", status="err-scanned-without-multidevice"),
        NOTHING,
        "q3",
        411,
    ),
    (line("login_status", status="passkey-request"), NOTHING, "q4", None),
    (
        line("pair_status", status="SUCCESS", jid=JID),
        context(expected_number="77010000000"),
        "q5",
        None,
    ),
    # I: answers
    (line("result", id="1", ok=False, error="info query timed out"), ONLINE, "i1", 408),
    (
        line(
            "result",
            id="1",
            ok=False,
            error="failed to save cached sessions: disk I/O error: file too large",
        ),
        ONLINE,
        "l3",
        None,
    ),
    (
        line("result", id="1", ok=False, error="server returned error 463"),
        ONLINE,
        "i2",
        463,
    ),
    (
        line("result", id="1", ok=False, error="server returned error 479"),
        ONLINE,
        "i3",
        479,
    ),
    (
        line("result", id="1", ok=False, error="server returned error 429"),
        ONLINE,
        "i3",
        429,
    ),
    # L: our side
    (raised("error: foreign keys are not enabled"), NOTHING, "l3", None),
    (raised("failed to get device: database is locked"), NOTHING, "l3", None),
    (raised("database or disk is full"), NOTHING, "l3", None),
    (
        log("Failed to save: database is locked", level="ERROR", logger="whatsmeow.DB"),
        ONLINE,
        "l3",
        None,
    ),
    (
        log("commit failed", level="ERROR", logger="Whatsmeow.Database"),
        ONLINE,
        "l3",
        None,
    ),
    (raised("connect() returned"), NOTHING, "l2", None),
    (line("refused", reason="NO_PROXY is not empty."), NOTHING, "refused", None),
    (
        line("refused", reason="The store belongs to the realm sandbox."),
        NOTHING,
        "wrong_realm",
        None,
    ),
]
